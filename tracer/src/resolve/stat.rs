//! /proc/TID/stat; see proc_pid_stat(5).

use super::Resolver;

/// Bytes of a stat file that are read; it has about 300.
const STAT_MAX: u64 = 4096;
/// Clock ticks per second in /proc (`USER_HZ`): 100 on every ABI we know.
const TICKS_PER_SECOND: i64 = 100;
/// Forked but did not exec (`PF_FORKNOEXEC`, linux/sched.h).
const FORKED_NO_EXEC: u32 = 0x40;
/// A kernel thread (`PF_KTHREAD`).
const KERNEL_THREAD: u32 = 0x20_0000;

/// The fields of /proc/TID/stat that we need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ProcStat {
    /// Session id.
    pub(super) sid: i32,
    /// Name of the controlling terminal, as the kernel calls it: `pts3`, `tty1`; empty: none.
    pub(super) tty_name: String,
    /// Whether the process runs the image that it was forked with.
    pub(super) is_thread: bool,
    /// Whether it is a thread of the kernel.
    pub(super) is_kernel_thread: bool,
    /// When the task was made, in ns since boot; the kernel counts in steps of 10 ms.
    pub(super) started: i64,
}

impl Resolver {
    /// Reads the stat file of a task. None: it is gone.
    pub(super) fn proc_stat(&self, tid: i32) -> Option<ProcStat> {
        ProcStat::parse(&self.read_proc(tid, "stat", STAT_MAX)?)
    }
}

impl ProcStat {
    /// The name in parentheses may hold anything, so fields count from its end.
    fn parse(text: &[u8]) -> Option<Self> {
        let end = text.iter().rposition(|&byte| byte == b')')?;
        let text = std::str::from_utf8(&text[end + 1..]).ok()?;
        let fields: Vec<&str> = text.split_whitespace().collect();
        // The first of them is field 3.
        let field = |number: usize| fields.get(number - 3);
        let flags: u32 = field(9)?.parse().ok()?;
        let ticks: i64 = field(22)?.parse().ok()?;
        Some(Self {
            sid: field(6)?.parse().ok()?,
            tty_name: tty_name(field(7)?.parse::<i32>().ok()?.cast_unsigned()),
            is_thread: flags & FORKED_NO_EXEC != 0,
            is_kernel_thread: flags & KERNEL_THREAD != 0,
            started: ticks.saturating_mul(1_000_000_000 / TICKS_PER_SECOND),
        })
    }
}

/// The name of a terminal device; see devices.txt in the kernel's documentation.
fn tty_name(device: u32) -> String {
    let (major, minor) = (device >> 8 & 0xfff, device & 0xff | device >> 12 & 0xfff00);
    match (major, minor) {
        (0, _) => String::new(),
        (4, 0..64) => format!("tty{minor}"),
        (4, _) => format!("ttyS{}", minor - 64),
        (5, 1) => "console".into(),
        (136..=143, _) => format!("pts{}", (major - 136) * 256 + minor),
        (166, _) => format!("ttyACM{minor}"),
        (188, _) => format!("ttyUSB{minor}"),
        (204, 64..80) => format!("ttyAMA{}", minor - 64),
        (229, _) => format!("hvc{minor}"),
        _ => format!("tty{major}:{minor}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        let rest = "S 1 2 77 34817 -1 4194368 5 6 7 8 9 10 11 12 13 14 15 16 1234 18";
        let expect = ProcStat {
            sid: 77,
            tty_name: "pts1".into(),
            is_thread: true,
            is_kernel_thread: false,
            started: 12_340_000_000,
        };
        let check = |text: &str, expect: Option<&ProcStat>| {
            assert_eq!(ProcStat::parse(text.as_bytes()).as_ref(), expect, "{text}");
        };
        check(&format!("9 (name) {rest}"), Some(&expect));
        check(&format!("9 (a) R 0 0 0 (b) c\n) {rest}"), Some(&expect));
        check("9 (name) S 1 2", None);
        check("9 (name", None);
        check("", None);
        check("9 (name) S 1 2 x 34817 -1 64 5 6 7 8 9 10 11 12 13 14 15 16 12 18", None);
    }

    #[test]
    fn terminals() {
        let check = |major: u32, minor: u32, expect: &str| {
            let device = minor & 0xff | major << 8 | (minor & !0xff) << 12;
            assert_eq!(tty_name(device), expect);
        };
        check(0, 0, "");
        check(4, 1, "tty1");
        check(4, 65, "ttyS1");
        check(5, 1, "console");
        check(136, 0, "pts0");
        check(136, 300, "pts300");
        check(204, 64, "ttyAMA0");
        check(229, 0, "hvc0");
        check(99, 1000, "tty99:1000");
    }
}
