use std::collections::HashSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use sentrace_schema::record::{Record, Slot};
use sentrace_schema::wire::{TOCTOU, TRUNCATED};
use sentrace_schema::{EVENTS, Payload, events, groups};
use serde_json::Value;

use super::*;
use crate::actions::Status;
use crate::output::sample::{self, Sample, sample};
use crate::rules::KillScope;
use crate::secl::Owned;

fn line(sample: &Sample, alert: Option<&Match>) -> String {
    let agent = Agent {
        version: "0.1.0".into(),
        arch: "amd64".into(),
        kernel_version: "6.18.0".into(),
        distribution: "debian 13".into(),
    };
    let mut out = Vec::new();
    let mut json = Json::new(&mut out, Scope::Everything, agent);
    json.write(&sample.report(alert)).expect("a Vec takes everything");
    String::from_utf8(out).expect("UTF-8")
}

fn parsed(sample: &Sample) -> Value {
    serde_json::from_str(&line(sample, None)).expect("JSON")
}

fn open(retval: i64) -> Sample {
    let open = events::Open {
        file: sample::file(b"/etc/shadow"),
        flags: 0o2_000_101 | 1 << 40,
        file_destination_mode: 0o600,
        syscall_path: b"../etc/shadow".to_vec(),
    };
    sample(sample::call(257, retval), Payload::Open(open.into()))
}

/// Lines of a few events, in `tests/golden/events.jsonl`; `SENTRACE_UPDATE=1` writes them.
#[test]
fn golden_lines() {
    let connect = events::Connect {
        addr: groups::Addr { ip: "2001:db8::1".parse().ok(), port: 443, family: 10, path: vec![] },
        protocol: 6,
    };
    let alert = sample::alert("secrets_read", "Somebody reads the passwords");
    let mut refused = open(-13);
    refused.event.header.marks = TRUNCATED | TOCTOU;
    refused.actions = vec![KillReport {
        signal: 9,
        scope: KillScope::Container,
        status: Status::PartiallyPerformed,
        reason: "process 7: the process has ended".into(),
        created_at: sample::START,
        detected_at: sample::START + 1,
        killed_at: Some(sample::START + 2),
        exited_at: None,
    }];
    let exit = events::Exit { process: sample::shell(), cause: 0, code: 0 };
    let signal = events::Signal { type_: 9, pid: -1, target: groups::Process::default() };
    let chmod = events::Chmod { file: sample::file(b"/tmp/a\nb.SH"), ..Default::default() };
    let exec = events::Exec { process: sample::shell(), syscall_path: b"/bin/sh".to_vec() };
    let lines = [
        line(&open(3), None),
        line(&refused, Some(&alert)),
        line(&sample(sample::call(42, -115), Payload::Connect(connect.into())), None),
        line(&sample(sample::call(62, 0), Payload::Signal(signal.into())), None),
        line(&sample(sample::call(90, 0), Payload::Chmod(chmod.into())), None),
        line(&sample(sample::life(), Payload::Exec(exec.into())), None),
        line(&sample(sample::life(), Payload::Exit(exit.into())), None),
    ];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/events.jsonl");
    if std::env::var_os("SENTRACE_UPDATE").is_some() {
        fs::write(&path, lines.concat()).expect("the file can be written");
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(golden.lines().count(), lines.len(), "SENTRACE_UPDATE=1 writes {path:?}");
    for (line, expected) in lines.iter().zip(golden.split_inclusive('\n')) {
        assert_eq!(line, expected);
    }
}

#[test]
fn what_every_line_has() {
    for desc in &EVENTS {
        let event = parsed(&sample(sample::call(1, 0), sample::empty(desc.name)));
        let is_text = |place: &str| event.pointer(place).is_some_and(Value::is_string);
        for place in [
            "/date",
            "/evt/name",
            "/evt/category",
            "/evt/outcome",
            "/process/comm",
            "/process/executable/path",
            "/agent/version",
        ] {
            assert!(is_text(place), "{}: {place}", desc.name);
        }
        assert_eq!(event["agent"]["origin"], "ebpfless");
        assert!(event["process"]["pid"].is_u64() && event["process"]["ppid"].is_u64());
        assert!(event["process"]["args"].is_array());
        assert!(event["process"]["ancestors"].is_array());
    }
}

#[test]
fn outcomes() {
    let outcome = |retval| parsed(&open(retval))["evt"]["outcome"].clone();
    let cases = [(0, "Success"), (7, "Success"), (-1, "Refused"), (-13, "Refused"), (-2, "Error")];
    for (retval, expected) in cases {
        assert_eq!(outcome(retval), expected, "{retval}");
    }
    // An address in the upper half is none of the errors.
    assert_eq!(outcome(-4096), "Success");
}

#[test]
fn the_family_of_a_process() {
    let event = parsed(&open(3));
    let process = &event["process"];
    assert_eq!((&process["pid"], &process["tid"]), (&42.into(), &43.into()));
    assert_eq!(process["executable"]["path"], "/usr/bin/dash");
    assert_eq!(process["parent"]["comm"], "nginx");
    assert_eq!(process["ancestors"].as_array().map(Vec::len), Some(1));
    assert_eq!(process["ancestors"][0]["executable"]["path"], "/usr/sbin/nginx");
    assert_eq!(event["container"]["id"], "c0ffee");
}

#[test]
fn secrets_stay_inside() {
    let event = line(&open(3), None);
    assert!(event.contains(r#"--token=******** http://x/"#), "{event}");
    assert!(!event.contains("abc123") && !event.contains("hunter2"), "{event}");
}

#[test]
fn lines_have_a_limit() {
    let mut tree = crate::tree::Tree::default();
    let argv = vec![vec![b'x'; 64 << 10]];
    let mut entry = None;
    for pid in 1..100 {
        let process = groups::Process { argv: argv.clone(), ..Default::default() };
        let exec = Payload::Exec(events::Exec { process, syscall_path: vec![] }.into());
        let header = sentrace_schema::wire::Header { pid, tid: pid, ..sample::life() };
        let fork = events::Fork { child: i64::from(pid) + 1, flags: 0 };
        let event = sentrace_schema::wire::Event { header, payload: exec };
        entry = Some(tree.apply(&event));
        let payload = Payload::Fork(fork.into());
        tree.apply(&sentrace_schema::wire::Event { header, payload });
    }
    let mut sample = open(3);
    sample.entry = entry.expect("processes");
    let text = line(&sample, None);
    assert!(text.len() < LINE_MAX + (300 << 10), "{} bytes", text.len());
    let event: Value = serde_json::from_str(&text).expect("JSON");
    let written = event["process"]["ancestors"].as_array().map_or(0, Vec::len) as u64;
    assert_eq!(event["process"]["ancestors_omitted"], 98 - written);
}

/// Whatever an event holds, the line is JSON, one line, and no object has a key twice.
fn check(line: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(line.matches('\n').count(), 1);
    prop_assert!(!line.trim_end().chars().any(char::is_control), "{}", line);
    let parsed: Result<Unique, _> = serde_json::from_str(line);
    prop_assert!(parsed.is_ok(), "{:?}: {}", parsed.err(), line);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_event_is_json(
        id in 0..EVENTS.len() as u16,
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
        numbers in proptest::collection::vec(any::<i64>(), 1..8),
        header in (any::<u32>(), any::<i64>(), any::<u32>(), any::<u16>()),
    ) {
        let mut payload = Payload::empty(id).expect("an event");
        let mut numbers = numbers.into_iter().cycle();
        fill(payload.record_mut(), &bytes, &mut numbers);
        let (nr, retval, marks, abi) = header;
        let mut sample = sample(sample::call(nr, retval), payload);
        sample.event.header.marks = marks;
        sample.event.header.abi = abi;
        let text = String::from_utf8_lossy(&bytes);
        let mut alert = sample::alert(&text, &text);
        alert.variables.push((text.to_string(), Owned::Strs(vec![bytes.clone()])));
        check(&line(&sample, None))?;
        check(&line(&sample, Some(&alert)))?;
    }
}

fn fill(record: &mut dyn Record, bytes: &[u8], numbers: &mut impl Iterator<Item = i64>) {
    for index in 0..record.desc().fields.len() {
        let number = numbers.next().unwrap_or_default();
        match record.get_mut(index) {
            Slot::Bool(value) => *value = number & 1 == 1,
            Slot::Int(value) => *value = number,
            Slot::Bytes(value) => *value = bytes.to_vec(),
            Slot::List(value) => {
                *value = vec![bytes.to_vec(), b"--password".to_vec(), bytes.to_vec()]
            }
            Slot::Ints(value) => *value = vec![number; 3],
            Slot::Ip(value) => *value = Some(std::net::Ipv4Addr::from(number as u32).into()),
            Slot::Record(inner) => fill(inner, bytes, numbers),
        }
    }
}

/// Any JSON value whose objects have no key twice.
struct Unique;

impl<'de> serde::Deserialize<'de> for Unique {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> serde::de::Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON without repeated keys")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut keys = HashSet::new();
        while let Some((key, Self)) = map.next_entry::<String, Self>()? {
            if let Some(key) = keys.replace(key) {
                return Err(serde::de::Error::custom(format!("the key {key} comes twice")));
            }
        }
        Ok(self)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
}
