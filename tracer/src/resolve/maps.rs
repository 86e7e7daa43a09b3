//! /proc/PID/maps: what a task's memory is.

use std::io::{BufRead, BufReader, Read};

use super::Resolver;

/// Bytes of the list that are searched; it is sorted by address.
const MAPS_MAX: u64 = 16 << 20;

impl Resolver {
    /// How the page at an address of a task is protected: `PROT_READ`, `PROT_WRITE` and
    /// `PROT_EXEC`, or none of them. None: nothing is mapped there, or it is not to be known.
    pub fn protection(&self, tid: i32, addr: u64) -> Option<i32> {
        let maps = self.open_proc(tid, "maps").ok()?;
        find(BufReader::new(maps.take(MAPS_MAX)), addr)
    }
}

/// The protection of the mapping that holds an address.
fn find(mut maps: impl BufRead, addr: u64) -> Option<i32> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if maps.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        let (start, end, protection) = mapping(&line)?;
        if addr < start {
            return None;
        }
        if addr < end {
            return Some(protection);
        }
    }
}

/// `START-END rwxp …`, see proc_pid_maps(5).
fn mapping(line: &[u8]) -> Option<(u64, u64, i32)> {
    let mut words = line.split(|byte| *byte == b' ');
    let range = std::str::from_utf8(words.next()?).ok()?;
    let (start, end) = range.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    let bits = [(b'r', libc::PROT_READ), (b'w', libc::PROT_WRITE), (b'x', libc::PROT_EXEC)];
    let letters = words.next()?;
    let set = bits.iter().filter(|(letter, _)| letters.contains(letter));
    Some((number(start)?, number(end)?, set.fold(0, |all, (_, bit)| all | bit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings() {
        let maps = "00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/dbus daemon\n\
                    00651000-00652000 rw-p 00051000 08:02 173521 /usr/bin/dbus daemon\n\
                    00652000-00655000 ---s 00000000 00:00 0\n\
                    ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n";
        let at = |addr| find(maps.as_bytes(), addr);
        assert_eq!(at(0x40_0000), Some(5));
        assert_eq!(at(0x45_1fff), Some(5));
        assert_eq!(at(0x45_2000), None);
        assert_eq!(at(0x65_1000), Some(3));
        assert_eq!(at(0x65_2000), Some(0));
        assert_eq!(at(0xffff_ffff_ff60_0001), Some(4));
        assert_eq!(at(u64::MAX), None);
        assert_eq!(find(&b"nonsense\n"[..], 0), None);
    }

    #[test]
    fn our_own_code_is_executable_and_our_data_is_not() {
        let resolver = Resolver::new().expect("a resolver");
        let own = std::process::id().cast_signed();
        let data = Box::new(0_u8);
        let protection = |addr: usize| resolver.protection(own, addr as u64);
        assert_eq!(protection(mappings as fn() as usize), Some(5));
        assert_eq!(protection(&raw const *data as usize), Some(3));
        assert_eq!(protection(0), None);
    }
}
