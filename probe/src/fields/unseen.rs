//! Names that rules for other products use, and that nothing fills here: they have the zero value
//! of their type, so that such rules load unchanged.

use super::Shape;
use crate::secl::{Kind, Text};

const BOOL: Shape = Shape::one(Kind::Bool);
const INT: Shape = Shape::one(Kind::Int);
const INTS: Shape = Shape::many(Kind::Int);
const TEXT: Shape = Shape::one(Kind::Str(Text::Plain));
const TEXTS: Shape = Shape::many(Kind::Str(Text::Plain));
const HOST: Shape = Shape::one(Kind::Str(Text::Caseless));
const HOSTS: Shape = Shape::many(Kind::Str(Text::Caseless));
const PATH: Shape = Shape::one(Kind::Str(Text::Path));
const IP: Shape = Shape::one(Kind::Ip);

type Names = &'static [(&'static str, Shape)];

/// Fields of groups that exist.
const GROUPS: &[(&str, Names)] = &[
    (
        "file",
        &[
            ("in_upper_layer", BOOL),
            ("mount_visible", BOOL),
            ("mount_detached", BOOL),
            ("hashes", TEXTS),
            ("package.name", TEXT),
            ("package.version", TEXT),
            ("package.epoch", INT),
            ("package.release", TEXT),
            ("package.source_version", TEXT),
            ("package.source_epoch", INT),
            ("package.source_release", TEXT),
            ("metadata.size", INT),
            ("metadata.type", INT),
            ("metadata.is_executable", BOOL),
            ("metadata.architecture", INT),
            ("metadata.abi", INT),
            ("metadata.is_upx_packed", BOOL),
            ("metadata.compression", INT),
            ("metadata.is_garble_obfuscated", BOOL),
            ("metadata.linkage", INT),
        ],
    ),
    (
        "process",
        &[
            ("caps_attempted", INT),
            ("caps_used", INT),
            ("user_session.id", TEXT),
            ("user_session.identity", TEXT),
            ("user_session.session_type", INT),
            ("user_session.k8s_username", TEXT),
            ("user_session.k8s_uid", TEXT),
            ("user_session.k8s_groups", TEXTS),
            ("user_session.ssh_username", TEXT),
            ("user_session.ssh_port", INT),
            ("user_session.ssh_client_ip", IP),
            ("user_session.ssh_auth_method", INT),
            ("user_session.ssh_public_key", TEXT),
        ],
    ),
    ("addr", &[("hostname", HOSTS)]),
    ("bpf_prog", &[]),
];

/// Fields of events: of those that exist, and of those that nothing reports here.
const EVENTS: &[(&str, Names)] = &[
    ("event", &[("async", BOOL), ("rule.tags", TEXTS), ("signature", TEXT)]),
    ("capabilities", &[("attempted", INT), ("used", INT), ("retval", INT)]),
    ("cgroup_write", &[("pid", INT)]),
    (
        "dns",
        &[
            ("id", INT),
            ("question.name", HOST),
            ("question.type", INT),
            ("question.class", INT),
            ("question.length", INT),
            ("question.count", INT),
            ("response.code", INT),
        ],
    ),
    (
        "imds",
        &[
            ("type", TEXT),
            ("cloud_provider", TEXT),
            ("url", TEXT),
            ("host", TEXT),
            ("user_agent", TEXT),
            ("server", TEXT),
            ("aws.is_imds_v2", BOOL),
            ("aws.security_credentials.type", TEXT),
        ],
    ),
    ("packet", &[("filter", TEXT), ("tls.version", INT)]),
    ("network", &[("l3_protocol", INT)]),
    ("network_flow_monitor", &[("device.ifname", TEXT), ("device.netns", INT)]),
    (
        "selinux",
        &[
            ("bool.name", TEXT),
            ("bool.state", TEXT),
            ("bool_commit.state", BOOL),
            ("enforce.status", TEXT),
        ],
    ),
    ("splice", &[("pipe_entry_flag", INT), ("pipe_exit_flag", INT)]),
    (
        "sysctl",
        &[
            ("action", INT),
            ("file_position", INT),
            ("name", TEXT),
            ("name_truncated", BOOL),
            ("old_value", TEXT),
            ("old_value_truncated", BOOL),
            ("value", TEXT),
            ("value_truncated", BOOL),
        ],
    ),
];

/// Fields of packets, in `network`, `packet`, `dns` and `imds`, and of flows.
const PACKET: Names = &[
    ("device.ifname", TEXT),
    ("device.netns", INT),
    ("l3_protocol", INT),
    ("l4_protocol", INT),
    ("source.ip", IP),
    ("source.port", INT),
    ("source.is_public", BOOL),
    ("destination.ip", IP),
    ("destination.port", INT),
    ("destination.is_public", BOOL),
    ("network_direction", INT),
    ("size", INT),
    ("type", INT),
];

/// Processes that an event is about, and whose parents nothing looks up.
const OTHER_PROCESSES: &[&str] = &["signal.target", "ptrace.tracee", "setrlimit.target"];

/// Whether rules may be about this type of event.
pub(super) fn is_event(name: &str) -> bool {
    !matches!(name, "event" | "network") && EVENTS.iter().any(|(event, _)| *event == name)
}

/// A field of a group that exists.
pub(super) fn group_field(group: &str, name: &str) -> Option<Shape> {
    let (_, names) = GROUPS.iter().find(|(known, _)| *known == group)?;
    lookup(names, name)
}

/// A field of an event, by its name within the event.
pub(super) fn event_field(event: &str, name: &str) -> Option<Shape> {
    let full = format!("{event}.{name}");
    if let Some(shape) = relative_field(&full) {
        return Some(shape);
    }
    let (_, names) = EVENTS.iter().find(|(known, _)| *known == event)?;
    let is_packet = matches!(event, "network" | "packet" | "dns" | "imds");
    lookup(names, name)
        .or_else(|| is_packet.then(|| lookup(PACKET, name))?)
        .or_else(|| (event == "cgroup_write").then(|| file_field(name.strip_prefix("file.")?))?)
        .or_else(|| (event == "network_flow_monitor").then(|| flow_field(name))?)
}

/// A field of the parent or of an ancestor of another process.
fn relative_field(full: &str) -> Option<Shape> {
    let other = |prefix: &&&str| full.starts_with(**prefix);
    let rest = full.strip_prefix(*OTHER_PROCESSES.iter().find(other)?)?;
    let (name, array) = match rest.strip_prefix(".ancestors.") {
        Some("length") => return Some(INT),
        Some(name) => (name, true),
        None => (rest.strip_prefix(".parent.")?, false),
    };
    let field = super::current(&format!("process.{name}"))?;
    Some(Shape { kind: field.kind, array: array || field.array })
}

fn file_field(name: &str) -> Option<Shape> {
    if name == "path" {
        return Some(PATH);
    }
    let field = super::current(&format!("process.file.{name}"))?;
    Some(Shape { kind: field.kind, array: field.array })
}

/// `flows.*`, over all flows.
fn flow_field(name: &str) -> Option<Shape> {
    let name = name.strip_prefix("flows.")?;
    let volume = ["ingress.", "egress."].iter().find_map(|prefix| name.strip_prefix(prefix));
    match (name, volume) {
        ("length", _) => Some(INT),
        (_, Some("data_size" | "packet_count")) => Some(INTS),
        _ => lookup(PACKET, name).map(|shape| Shape { array: true, ..shape }),
    }
}

fn lookup(names: Names, name: &str) -> Option<Shape> {
    let known = |name| names.iter().find(|(known, _)| *known == name).map(|(_, shape)| *shape);
    let is_host = |shape: &Shape| shape.kind == Kind::Str(Text::Caseless);
    // As nothing fills host names, nothing has to know which part of them is registered.
    known(name).or_else(|| known(name.strip_suffix(".root_domain")?).filter(is_host))
}
