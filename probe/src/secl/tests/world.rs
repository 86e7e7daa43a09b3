//! A registry and context with one of each kind of field.

use std::collections::HashMap;

use ipnet::IpNet;
use sentrace_yaml::nearest;

use super::super::*;

/// Two elements: see `up.*`.
const UP: [(i64, &str, bool); 3] = [(30, "bash", false), (20, "sshd", true), (1, "init", false)];

#[derive(Debug)]
pub(super) struct World {
    pub(super) macros: Macros,
    fields: HashMap<&'static str, (Kind, Value<'static>)>,
}

impl Default for World {
    fn default() -> Self {
        let text = |text: &'static str| Value::Str(text.as_bytes().into());
        let texts = |all: &'static [&'static str]| {
            Value::Parts(all.iter().map(|text| text.as_bytes().into()).collect())
        };
        let nets = |all: &[&str]| -> Value<'static> {
            let nets: Vec<IpNet> = all.iter().map(|net| net.parse().unwrap()).collect();
            Value::Nets(nets.leak())
        };
        let plain = Kind::Str(Text::Plain);
        let fields = [
            ("e.on", Kind::Bool, Value::Bool(true)),
            ("e.off", Kind::Bool, Value::Bool(false)),
            ("e.flags", Kind::Int, Value::Int(0o101)),
            ("e.zero", Kind::Int, Value::Int(0)),
            ("e.retval", Kind::Int, Value::Int(-13)),
            ("e.numbers", Kind::Int, Value::Ints(vec![1, 2, 3].into())),
            ("e.no_numbers", Kind::Int, Value::Ints(vec![].into())),
            ("e.at", Kind::Time, Value::Int(1_000_000_000_000)),
            ("e.later", Kind::Time, Value::Int(1_020_000_000_000)),
            ("e.name", plain, text("Passwd")),
            ("e.empty", plain, text("")),
            ("e.args", plain, texts(&["-c", "curl x | sh", "--quiet"])),
            ("e.no_args", plain, texts(&[])),
            ("e.path", Kind::Str(Text::Path), text("/etc/ssh/keys/id_rsa")),
            ("e.given.path", Kind::Str(Text::GivenPath), text("../ssh/id_rsa")),
            ("e.extension", Kind::Str(Text::Extension), text(".gz")),
            ("e.host", Kind::Str(Text::Caseless), text("Pool.Example.ORG")),
            ("e.ip", Kind::Ip, Value::Ip(Some("10.1.2.3".parse().unwrap()))),
            ("e.ip6", Kind::Ip, Value::Ip(Some("fe80::1".parse().unwrap()))),
            ("e.mapped", Kind::Ip, Value::Ip(Some("::ffff:10.1.2.3".parse().unwrap()))),
            ("e.no_ip", Kind::Ip, Value::Ip(None)),
            ("e.nets", Kind::Ip, nets(&["10.0.0.0/24", "10.0.9.0/24"])),
            ("e.no_nets", Kind::Ip, nets(&[])),
            ("f.flags", Kind::Int, Value::Int(1)),
            ("common.name", plain, text("common")),
            ("up.pid", Kind::Int, Value::Int(0)),
            ("up.name", plain, text("")),
            ("up.on", Kind::Bool, Value::Bool(false)),
            ("up.args", plain, texts(&[])),
            ("up.length", Kind::Int, Value::Int(UP.len() as i64)),
            ("none.name", plain, text("")),
        ];
        let mut world = Self { macros: Macros::new(), fields: HashMap::new() };
        for (name, kind, value) in fields {
            world.fields.insert(name, (kind, value));
        }
        for (name, body) in [
            ("SHELLS", "[\"bash\", \"sh\", ~\"z*\"]"),
            ("WRITE", "O_CREAT|O_WRONLY"),
            ("IS_ROOT", "up.pid == 1 && e.on"),
            ("LOCAL", "[127.0.0.0/8, 10.0.0.0/8]"),
            ("NAME", "\"Passwd\""),
            ("RELATIVE", "[\"etc\"]"),
            ("BROKEN", "e.name > 5"),
        ] {
            world.macros.insert(name.into(), parse_macro(body).unwrap());
        }
        world
    }
}

impl Registry for World {
    type Field = String;

    fn field(&self, name: &str) -> Option<FieldRef<String>> {
        let (kind, value) = self.fields.get(name)?;
        let prefix = name.split('.').next()?;
        let array = matches!(value, Value::Ints(_) | Value::Parts(_) | Value::Nets(_));
        let walks = matches!(prefix, "up" | "none") && name != "up.length";
        Some(FieldRef {
            field: name.to_owned(),
            kind: *kind,
            array,
            iterator: walks.then(|| prefix.to_owned()),
            event: matches!(prefix, "e" | "f").then(|| prefix.to_owned()),
            cost: 5,
        })
    }

    fn constant(&self, name: &str) -> Option<Constant> {
        Some(match name {
            "true" => Constant::Bool(true),
            "false" => Constant::Bool(false),
            "O_WRONLY" => Constant::Int(1),
            "O_CREAT" => Constant::Int(0o100),
            "O_TRUNC" => Constant::Int(0o1000),
            "EACCES" => Constant::Int(-13),
            _ => return None,
        })
    }

    fn variable(&self, name: &str) -> Option<VariableRef> {
        let (kind, array) = match name {
            "n" | "process.pid" => (Kind::Int, false),
            "flag" => (Kind::Bool, false),
            "process.s" | "container.unset" => (Kind::Str(Text::Plain), false),
            "process.list" | "cgroup.none" => (Kind::Str(Text::Plain), true),
            "cgroup.pids" => (Kind::Int, true),
            _ => return None,
        };
        Some(VariableRef { kind, array })
    }

    fn nearest(&self, name: &str) -> Option<String> {
        nearest(name, self.fields.keys().copied()).map(str::to_owned)
    }
}

impl Context for World {
    type Field = String;

    fn value(&self, field: &String, element: Option<usize>) -> Value<'_> {
        let Some(element) = element else { return self.fields[field.as_str()].1.clone() };
        let (pid, name, on) = UP[element];
        match field.as_str() {
            "up.pid" => Value::Int(pid),
            "up.name" => Value::Str(name.as_bytes().into()),
            "up.on" => Value::Bool(on),
            "up.args" => Value::Parts(vec![name.as_bytes().into(), b"-x".as_slice().into()]),
            other => panic!("{other} has no elements"),
        }
    }

    fn elements(&self, field: &String) -> usize {
        if field.starts_with("up") { UP.len() } else { 0 }
    }

    fn variable(&self, name: &str) -> Value<'_> {
        let texts = |texts: &[&'static str]| {
            Value::Parts(texts.iter().map(|text| text.as_bytes().into()).collect())
        };
        match name {
            "n" => Value::Int(7),
            "process.pid" => Value::Int(42),
            "flag" => Value::Bool(true),
            "process.s" => Value::Str(b"Pass".as_slice().into()),
            "process.list" => texts(&["aws", "bash"]),
            "cgroup.none" => texts(&[]),
            "cgroup.pids" => Value::Ints(vec![1, 99].into()),
            _ => Value::Str(b"".as_slice().into()),
        }
    }

    fn now(&self) -> i64 {
        1_010_000_000_000
    }
}
