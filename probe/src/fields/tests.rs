use std::sync::Arc;

use sentrace_schema::wire::{Event, Header};
use sentrace_schema::{Payload, events};

use super::*;
use crate::secl::{Condition, Macros, Owned, Program, Value, parse};
use crate::tree::Tree;

struct NoVariables;

impl Variables for NoVariables {
    fn get(&self, _: &str) -> Value<'_> {
        Value::Int(5)
    }
}

fn event(pid: i32, timestamp: u64, payload: Payload) -> Event {
    let header = Header { pid, tid: pid, timestamp, ..Header::default() };
    Event { header, payload }
}

fn exec(pid: i64, path: &str, argv: &[&str]) -> Payload {
    let process = groups::Process {
        pid,
        comm: path.rsplit('/').next().unwrap().into(),
        argv0: path.into(),
        argv: argv.iter().map(|arg| arg.as_bytes().to_vec()).collect(),
        envp: vec![b"DD_SERVICE=shop".to_vec(), b"PATH=/bin".to_vec()],
        file: groups::File { path: path.into(), mode: 0o100755, ..groups::File::default() },
        container: groups::Container { id: b"c0ffee".to_vec(), ..Default::default() },
        symlinks: vec![format!("/opt/{}.link", path.rsplit('/').next().unwrap()).into()],
        ..groups::Process::default()
    };
    Payload::Exec(events::Exec { process, syscall_path: path.into() }.into())
}

/// sshd (1) made bash (2), which made curl (3), which opens a file.
fn world() -> (Tree, Vec<Event>) {
    let open = events::Open {
        file: groups::File {
            path: b"/etc/cron.d/job.sh".to_vec(),
            mode: 0o104755,
            change_time: 900,
            ..groups::File::default()
        },
        flags: 0o101,
        syscall_path: b"../cron.d/job.sh".to_vec(),
        ..events::Open::default()
    };
    let fork = |child| Payload::Fork(events::Fork { child, flags: 0 }.into());
    let mut events = vec![
        event(1, 100, exec(1, "/usr/sbin/sshd", &["-D"])),
        event(1, 200, fork(2)),
        event(2, 300, exec(2, "/bin/bash", &["-i"])),
        event(2, 400, fork(3)),
        event(3, 500, exec(3, "/usr/bin/curl", &["-o", "x", "http://h"])),
        event(3, 1000, Payload::Open(open.into())),
    ];
    events[5].header.retval = -13;
    let mut tree = Tree::default();
    for event in &events {
        tree.apply(event);
    }
    (tree, events)
}

fn check_all(cases: &[(&str, bool)]) {
    let (tree, events) = world();
    let host = Host { hostname: "h1".into(), service: String::new() };
    let fields = Fields::default();
    for (text, expected) in cases {
        let expr = parse(text).unwrap();
        let condition = match Condition::new(&expr, &fields, &Macros::new()) {
            Ok(condition) => condition,
            Err(error) => panic!("{text}: {error}"),
        };
        let event = match condition.uses().event.as_deref() {
            Some("exec") => &events[4],
            _ => &events[5],
        };
        let entry = Arc::clone(tree.get(3).unwrap());
        let context = EventContext::new(event, entry, &host, &NoVariables);
        assert_eq!(condition.matches(&context), *expected, "{text}");
    }
}

#[test]
fn values() {
    check_all(&[
        ("open.file.path == \"/etc/cron.d/job.sh\"", true),
        ("open.file.path =~ \"/etc/cron*/*\"", true),
        ("open.file.name == \"job.sh\"", true),
        ("open.file.name.length == 6", true),
        ("open.file.extension == \"sh\"", true),
        ("open.file.rights == 2541", true),
        ("open.flags & 64 > 0", true),
        ("open.syscall.flags == 65", true),
        ("open.syscall.path =~ \"../*/job.sh\"", true),
        ("open.retval == -13", true),
        ("open.file.change_time < 1s", true),
        ("open.file.change_time == 100ms", false),
        ("open.file.in_upper_layer", false),
        ("open.file.package.name == \"\"", true),
        ("process.comm == \"curl\"", true),
        ("process.file.path == \"/usr/bin/curl\"", true),
        ("process.file.path == \"/opt/curl.link\"", true),
        ("process.file.path != \"/opt/curl.link\"", false),
        ("process.file.path =~ \"/opt/*\" && process.file.path =~ \"/usr/**\"", true),
        ("process.file.name in [\"x\", \"curl.link\"]", true),
        ("process.file.name not in [\"x\", \"curl\"]", false),
        ("process.file.name == \"x.link\"", false),
        ("process.file.name.length == 4 && process.file.path.length == 13", true),
        ("process.file.extension == \".link\"", false),
        ("process.ancestors.file.name == \"sshd.link\"", true),
        ("process.parent.file.path == \"/opt/bash.link\"", true),
        ("process.interpreter.file.path == \"\"", true),
        ("process.args == \"-o x http://h\"", true),
        ("process.args_flags == \"o\"", true),
        ("process.args_options == \"o=x\"", true),
        ("process.argv[1] == \"x\"", true),
        ("process.envs in [\"DD_SERVICE\", \"PATH=/bin\"]", true),
        ("process.user_session.k8s_username == \"\"", true),
        ("process.parent.comm == \"bash\"", true),
        ("process.parent.ppid == 1", true),
        ("process.ancestors.comm == \"sshd\"", true),
        ("process.ancestors.argv == \"-i\"", true),
        ("process.ancestors.length == 2", true),
        ("process.ancestors[A].comm == \"sshd\" && process.ancestors[A].argv == \"-i\"", false),
        ("process.container.id == \"c0ffee\"", true),
        ("container.id == \"c0ffee\"", true),
        ("container.created_at > 0s", true),
        ("cgroup.id == \"\"", true),
        ("event.hostname == \"h1\" && event.os == \"linux\"", true),
        ("event.origin == \"ebpfless\" && event.source == \"runtime\"", true),
        ("event.service == \"shop\"", true),
        ("event.timestamp == 1000", true),
        ("exec.file.name == \"curl\"", true),
        ("exec.file.name == \"curl.link\" && exec.file.path == \"/opt/curl.link\"", true),
        ("exec.comm == \"%{process.file.name}\"", true),
        ("exec.comm == \"curl\" && exec.ppid == 2", true),
        ("exec.syscall.path == \"/usr/bin/curl\"", true),
        ("${process.pid} == 3", true),
        ("\"${builtins.uuid4}\" =~ r\"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]\"", true),
        ("\"${builtins.uuid4}\" == \"${builtins.uuid4}\"", false),
    ]);
}

/// Names of former times, and of events that never come.
#[test]
fn names() {
    let fields = Fields::default();
    let same = [
        ("open.filename", "open.file.path"),
        ("unlink.basename", "unlink.file.name"),
        ("exec.name", "exec.comm"),
        ("process.ancestors.name", "process.ancestors.comm"),
        ("process.ancestors.filename", "process.ancestors.file.path"),
        ("process.basename", "process.file.name"),
        ("open.mode", "open.file.destination.mode"),
        ("chown.uid", "chown.file.destination.uid"),
        ("rename.old.filename", "rename.file.path"),
        ("rename.new.basename", "rename.file.destination.name"),
        ("link.target.uid", "link.file.destination.uid"),
        ("setxattr.namespace", "setxattr.file.destination.namespace"),
    ];
    for (old, new) in same {
        assert!(fields.field(new).is_some(), "{new}");
        assert_eq!(fields.field(old), fields.field(new), "{old}");
    }
    for name in [
        "load_module.name",
        "signal.target.ancestors.comm",
        "ptrace.tracee.parent.file.path",
        "dns.question.name",
        "packet.source.ip",
        "network.destination.port",
        "imds.aws.is_imds_v2",
        "cgroup_write.file.path",
        "selinux.bool.name",
        "network_flow_monitor.flows.source.ip",
        "connect.addr.hostname",
        "connect.addr.hostname.root_domain",
        "dns.question.name.root_domain",
        "setsockopt.used_immediates",
    ] {
        assert!(fields.field(name).is_some(), "{name}");
    }
    for name in ["open", "open.", ".", "nope.file.path", "exec.retval", "event.nope", "open.file"] {
        assert!(fields.field(name).is_none(), "{name}");
    }
    assert_eq!(fields.nearest("open.file.pth").as_deref(), Some("open.file.path"));
}

/// One name of each family that the language has.
#[test]
fn constants() {
    let fields = Fields::default();
    for (name, value) in [
        ("EACCES", -13),
        ("EILSEQ", -84),
        ("O_CREAT", 0o100),
        ("O_ACCMODE", 3),
        ("S_ISUID", 0o4000),
        ("S_IFDIR", 0o40000),
        ("CAP_SYS_ADMIN", 1 << 21),
        ("SIGKILL", 9),
        ("AT_REMOVEDIR", 0x200),
        ("SIGNALED", 2),
        ("PTRACE_POKEUSR", 6),
        ("PROT_EXEC", 4),
        ("MAP_FIXED_NOREPLACE", 0x10_0000),
        ("MAP_HUGE_1GB", 30 << 26),
        ("VM_MERGEABLE", 0x8000_0000),
        ("AF_INET6", 10),
        ("ETH_P_8021_Q", 0x8100),
        ("IP_PROTO_TCP", 6),
        ("IPPROTO_ICMPV6", 58),
        ("SO_ATTACH_FILTER", 26),
        ("IP_TRANSPARENT", 19),
        ("TCP_MD5SIG", 14),
        ("IPV6_HDRINCL", 36),
        ("MCAST_JOIN_GROUP", 42),
        ("SOCK_RAW", 3),
        ("INGRESS", 2),
        ("ICMP_ECHO_REQUEST", 8),
        ("ICMP_V6_ECHO_REPLY", 129),
        ("TXT", 16),
        ("CLASS_ANY", 255),
        ("NXDOMAIN", 3),
        ("TLS_1_3", 0x304),
        ("PR_CAP_AMBIENT", 47),
        ("RLIMIT_NOFILE", 7),
        ("BPF_PROG_LOAD", 5),
        ("BPF_OVERRIDE_RETURN", 58),
        ("BPF_MAP_TYPE_RINGBUF", 27),
        ("BPF_PROG_TYPE_LSM", 29),
        ("BPF_XDP", 37),
        ("PIPE_BUF_FLAG_CAN_MERGE", 0x10),
        ("SYSCTL_WRITE", 2),
        ("BIT64", 2),
        ("ARM64", 4),
        ("XZ", 6),
        ("FILE_LESS", 9),
        ("DYNAMIC", 2),
        ("SSH", 2),
        ("AUDIT_AUID_UNSET", 0xffff_ffff),
    ] {
        assert_eq!(fields.constant(name), Some(Constant::Int(value)), "{name}");
    }
    assert_eq!(fields.constant("true"), Some(Constant::Bool(true)));
    // Names that the architecture does not have, that sets keep to themselves, and none at all.
    for name in ["PTRACE_GETCRUNCHREGS", "command", "MSGGET", "O_CREATE"] {
        assert_eq!(fields.constant(name), None, "{name}");
    }
    assert_eq!(fields.nearest("O_CREATE").as_deref(), Some("O_CREAT"));
}

#[test]
fn variables_keep_their_type() {
    let mut fields = Fields::default();
    let int = VariableRef { kind: Kind::Int, array: false };
    fields.declare("n", int).unwrap();
    fields.declare("n", int).unwrap();
    assert_eq!(fields.declare("n", VariableRef { array: true, ..int }), Err(int));
    let program = Program::new(&parse("${n} + 1").unwrap(), &fields, &Macros::new()).unwrap();
    let (tree, events) = world();
    let host = Host::default();
    let entry = Arc::clone(tree.get(3).unwrap());
    let context = EventContext::new(&events[5], entry, &host, &NoVariables);
    assert_eq!(program.value(&context), Owned::Int(6));
}
