//! The control group of a process, and the container that its path names; see cgroups(7).

use std::os::fd::AsFd;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::Resolver;

/// Bytes of a cgroup file that are read: a path of up to 4096 for each of about 14 hierarchies.
const CGROUP_MAX: u64 = 64 << 10;

/// The control group of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CgroupFacts {
    /// Path within the hierarchy, as the tracer's cgroup namespace sees it.
    pub id: Vec<u8>,
    /// 1 or 2; 0 when the process has none.
    pub version: u32,
    /// Inode of its directory below /sys/fs/cgroup; 0 when that is not visible.
    pub inode: u64,
    /// Mount of that directory.
    pub mount_id: u64,
    /// Who made it: `docker`, `podman`, `containerd`, `cri-o`, `ecs`, `lxc`, `systemd`; empty when
    /// the path does not tell.
    pub manager: &'static str,
    /// Id of the container; empty when the path does not name one.
    pub container: Vec<u8>,
}

impl Resolver {
    /// The control group of a task.
    pub fn cgroup(&self, tid: i32) -> CgroupFacts {
        let text = self.read_proc(tid, "cgroup", CGROUP_MAX).unwrap_or_default();
        let mut facts = parse(&text);
        let directories: &[&str] = match facts.version {
            2 => &["", "unified"],
            _ => &["systemd"],
        };
        let directories = if facts.version == 0 { &[] } else { directories };
        for directory in directories {
            let mut path = format!("/sys/fs/cgroup/{directory}").into_bytes();
            path.extend_from_slice(&facts.id);
            let flags = OFlag::O_PATH | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
            let stat = open(path.as_slice(), flags, Mode::empty())
                .and_then(|directory| self.stat(directory.as_fd()));
            if let Ok(stat) = stat {
                (facts.inode, facts.mount_id) = (stat.inode, stat.mount_id);
                break;
            }
        }
        facts
    }
}

/// The last container id in a cgroup path, or in any line of a cgroup file: the innermost
/// container. Known are 64 hexadecimal digits (Docker, podman, containerd, CRI-O), `<32 hexadecimal
/// digits>-<digits>` (ECS) and UUID-like ones with four groups of four digits (Garden).
pub fn container_id(path: &[u8]) -> Option<&[u8]> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    path.split(|byte| !is_part(byte)).rev().find_map(|word| {
        // Prefixes such as `docker-` and `cri-containerd-` end at a dash.
        let starts =
            word.iter().enumerate().filter(|&(_, &byte)| byte == b'-').map(|(at, _)| at + 1);
        std::iter::once(0).chain(starts).map(|start| &word[start..]).find(|word| is_id(word))
    })
}

fn is_id(word: &[u8]) -> bool {
    let is_hex = |word: &[u8]| word.iter().all(u8::is_ascii_hexdigit);
    let parts: Vec<&[u8]> = word.split(|&byte| byte == b'-').collect();
    match parts.as_slice() {
        [id] => id.len() == 64 && is_hex(id),
        [task, number] => {
            task.len() == 32
                && is_hex(task)
                && !number.is_empty()
                && number.iter().all(u8::is_ascii_digit)
        }
        [first, others @ ..] if others.len() == 4 => {
            first.len() == 8
                && is_hex(first)
                && others.iter().all(|part| part.len() == 4 && is_hex(part))
        }
        _ => false,
    }
}

/// Lines are `HIERARCHY:CONTROLLERS:PATH`. The unified hierarchy counts, then systemd's own.
fn parse(text: &[u8]) -> CgroupFacts {
    let lines: Vec<(&[u8], &[u8], &[u8])> = text
        .split(|&byte| byte == b'\n')
        .filter_map(|line| {
            let mut fields = line.splitn(3, |&byte| byte == b':');
            Some((fields.next()?, fields.next()?, fields.next()?))
        })
        .collect();
    let unified = lines.iter().find(|(number, names, _)| *number == b"0" && names.is_empty());
    let systemd = lines.iter().find(|(_, names, _)| *names == b"name=systemd");
    let has_path = |line: &&(&[u8], &[u8], &[u8])| line.2 != b"/";
    let Some(chosen) = unified.filter(has_path).or(systemd).or(unified).or(lines.first()) else {
        return CgroupFacts::default();
    };
    let id = chosen.2;
    let container = container_id(id)
        .or_else(|| lines.iter().find_map(|(_, _, path)| container_id(path)))
        .unwrap_or_default();
    CgroupFacts {
        id: id.to_vec(),
        version: if chosen.1.is_empty() { 2 } else { 1 },
        manager: manager(id),
        container: container.to_vec(),
        ..CgroupFacts::default()
    }
}

/// Who names cgroups like that; the innermost directory that tells.
fn manager(path: &[u8]) -> &'static str {
    const STARTS: &[(&str, &str)] = &[
        ("docker-", "docker"),
        ("libpod-", "podman"),
        ("cri-containerd-", "containerd"),
        ("crio-", "cri-o"),
        ("lxc.payload", "lxc"),
    ];
    const PARENTS: &[(&str, &str)] =
        &[("docker", "docker"), ("libpod_parent", "podman"), ("ecs", "ecs"), ("lxc", "lxc")];
    const ENDS: &[&str] = &[".service", ".scope", ".slice"];
    let parts: Vec<&[u8]> = path.split(|&byte| byte == b'/').collect();
    let by_container = parts.iter().rev().find_map(|part| {
        let starts = |&&(start, _): &&(&str, &str)| part.starts_with(start.as_bytes());
        let parent = |&&(name, _): &&(&str, &str)| *part == name.as_bytes();
        STARTS.iter().find(starts).or_else(|| PARENTS.iter().find(parent)).map(|&(_, who)| who)
    });
    let is_unit = |part: &&[u8]| ENDS.iter().any(|end| part.ends_with(end.as_bytes()));
    by_container.or(parts.iter().any(is_unit).then_some("systemd")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef";
    const TASK: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn container_ids() {
        let check = |path: String, expect: &str| {
            let got = container_id(path.as_bytes()).unwrap_or_default();
            assert_eq!(String::from_utf8_lossy(got), expect, "{path}");
        };
        check(format!("/docker/{A}"), A);
        check(format!("/system.slice/docker-{A}.scope"), A);
        check(format!("/machine.slice/libpod-{A}.scope/container"), A);
        check(format!("/kubepods/burstable/pod01234567-89ab-cdef-0123-456789abcdef/{A}"), A);
        check(format!("/kubepods.slice/pod_1.slice/cri-containerd-{A}.scope"), A);
        check(format!("/a/{}/docker/{A}", "f".repeat(64)), A);
        check(format!("/ecs/{TASK}/{TASK}-1234567890"), &format!("{TASK}-1234567890"));
        check(format!("/ecs/{TASK}"), "");
        check("/garden/01234567-89ab-cdef-0123-4567".into(), "01234567-89ab-cdef-0123-4567");
        check("/x/01234567-89ab-cdef-0123-456789abcdef".into(), "");
        check(format!("/x/{A}0"), "");
        check(format!("/x/{}", &A[1..]), "");
        check(format!("/x/{TASK}-12x"), "");
        check(format!("/x/{TASK}-"), "");
        check("/".into(), "");
        check(String::new(), "");
        check("/user.slice/user-0.slice/session-1.scope".into(), "");
    }

    #[test]
    fn files() {
        let check = |text: &str, id: &str, version: u32, manager: &str, container: &str| {
            let got = parse(text.as_bytes());
            let got = (
                String::from_utf8_lossy(&got.id).into_owned(),
                got.version,
                got.manager,
                String::from_utf8_lossy(&got.container).into_owned(),
            );
            assert_eq!(got, (id.into(), version, manager, container.into()), "{text}");
        };
        check("0::/\n", "/", 2, "", "");
        check("0::/init.scope\n", "/init.scope", 2, "systemd", "");
        check(&format!("0::/docker/{A}\n"), &format!("/docker/{A}"), 2, "docker", A);
        check(
            &format!("5:cpu,cpuacct:/ecs/{A}\n1:name=systemd:/ecs/{A}\n0::/\n"),
            &format!("/ecs/{A}"),
            1,
            "ecs",
            A,
        );
        check(
            &format!("4:pids:/x/{A}\n1:name=systemd:/user.slice\n"),
            "/user.slice",
            1,
            "systemd",
            A,
        );
        check("0::/a:b\n", "/a:b", 2, "", "");
        check("4:pids:/p\n", "/p", 1, "", "");
        check("nonsense\n1:2\n\n", "", 0, "", "");
        let podman = format!("/machine.slice/libpod-{A}.scope/container");
        check(&format!("0::{podman}\n"), &podman, 2, "podman", A);
    }
}
