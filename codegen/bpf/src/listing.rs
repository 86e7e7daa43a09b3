//! Classic BPF programs of others, as text: whatever a socket may have as its filter.

use std::fmt::Write;

use crate::program::Instruction;

/// Lists instructions as the kernel's bpf_dbg(8) does, one a line: a label with the index, the
/// operation, the operand; jumps name the labels they lead to
/// (Documentation/networking/filter.rst). Takes any bytes: what is no instruction is `.word` with
/// its parts.
#[must_use]
pub fn list(instructions: &[Instruction]) -> String {
    let mut listing = String::new();
    for (at, instruction) in instructions.iter().enumerate() {
        let text = text(at, *instruction).unwrap_or_else(|| {
            let Instruction { code, jt, jf, k } = instruction;
            format!(".word {code:#x}, {jt}, {jf}, {k:#x}")
        });
        let end = if at + 1 == instructions.len() { "" } else { "\n" };
        let _ = write!(listing, "l{at}: {text}{end}");
    }
    listing
}

/// The constant that an instruction loads, compares or computes with, or returns; `None` where
/// its operand is a place, a distance or not used (linux/bpf_common.h).
#[must_use]
pub fn immediate(instruction: &Instruction) -> Option<u32> {
    let Instruction { code, k, .. } = *instruction;
    let is_constant = match code & CLASS {
        LD | LDX => code & MODE == IMM,
        ALU => code & SOURCE_X == 0 && code & OPERATION != NEG,
        JMP => code & SOURCE_X == 0 && code & OPERATION != JA,
        RET => code & VALUE_A == 0,
        _ => false,
    };
    is_constant.then_some(k)
}

// linux/bpf_common.h
const CLASS: u16 = 0x07;
const LD: u16 = 0;
const LDX: u16 = 1;
const ST: u16 = 2;
const STX: u16 = 3;
const ALU: u16 = 4;
const JMP: u16 = 5;
const RET: u16 = 6;
const MISC: u16 = 7;
const MODE: u16 = 0xe0;
const IMM: u16 = 0x00;
const OPERATION: u16 = 0xf0;
const NEG: u16 = 0x80;
const JA: u16 = 0x00;
/// `BPF_X`: the other operand is the register X, not `k`.
const SOURCE_X: u16 = 0x08;
/// `BPF_A`: the value returned is the register A.
const VALUE_A: u16 = 0x10;

fn text(at: usize, instruction: Instruction) -> Option<String> {
    let Instruction { code, k, .. } = instruction;
    if code > 0xff {
        return None;
    }
    let operand = || if code & SOURCE_X == 0 { format!("#{k:#x}") } else { "x".into() };
    Some(match code & CLASS {
        LD | LDX => return load(code, k),
        ST if code == ST => format!("st M[{k}]"),
        STX if code == STX => format!("stx M[{k}]"),
        ALU => match code & OPERATION {
            NEG => "neg".into(),
            operation => {
                const NAMES: [&str; 11] =
                    ["add", "sub", "mul", "div", "or", "and", "lsh", "rsh", "", "mod", "xor"];
                format!("{} {}", NAMES.get(usize::from(operation >> 4))?, operand())
            }
        },
        JMP => return jump(at, instruction, &operand()),
        RET => match code & 0xf8 {
            0 => format!("ret #{k:#x}"),
            SOURCE_X => "ret x".into(),
            VALUE_A => "ret a".into(),
            _ => return None,
        },
        MISC if code == MISC => "tax".into(),
        MISC if code == MISC | 0x80 => "txa".into(),
        _ => return None,
    })
}

fn load(code: u16, k: u32) -> Option<String> {
    Some(match code {
        0x00 => format!("ld #{k:#x}"),
        0x20 => format!("ld [{k}]"),
        0x28 => format!("ldh [{k}]"),
        0x30 => format!("ldb [{k}]"),
        0x40 => format!("ld [x+{k}]"),
        0x48 => format!("ldh [x+{k}]"),
        0x50 => format!("ldb [x+{k}]"),
        0x60 => format!("ld M[{k}]"),
        0x80 => "ld #len".into(),
        0x01 => format!("ldx #{k:#x}"),
        0x61 => format!("ldx M[{k}]"),
        0x81 => "ldx #len".into(),
        0xb1 => format!("ldx 4*([{k}]&0xf)"),
        _ => return None,
    })
}

fn jump(at: usize, instruction: Instruction, operand: &str) -> Option<String> {
    let Instruction { code, jt, jf, k } = instruction;
    let label = |distance: u64| at as u64 + 1 + distance;
    let name = match code & OPERATION {
        JA => return Some(format!("ja l{}", label(k.into()))),
        0x10 => "jeq",
        0x20 => "jgt",
        0x30 => "jge",
        0x40 => "jset",
        _ => return None,
    };
    Some(match jf {
        0 => format!("{name} {operand}, l{}", label(jt.into())),
        _ => format!("{name} {operand}, l{}, l{}", label(jt.into()), label(jf.into())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: u16, jt: u8, jf: u8, k: u32) -> Instruction {
        Instruction { code, jt, jf, k }
    }

    /// `tcpdump -dd 'udp port 53'` for IPv4, shortened, with what it means (`tcpdump -d`).
    #[test]
    fn a_filter_of_packets() {
        let filter = [
            of(0x28, 0, 0, 12),
            of(0x15, 0, 8, 0x800),
            of(0x30, 0, 0, 23),
            of(0x15, 0, 6, 17),
            of(0xb1, 0, 0, 14),
            of(0x48, 0, 0, 16),
            of(0x15, 0, 3, 53),
            of(0x45, 2, 0, 0x1fff),
            of(0x05, 0, 0, 0),
            of(0x06, 0, 0, 0x40000),
            of(0x06, 0, 0, 0),
        ];
        let text = "l0: ldh [12]\nl1: jeq #0x800, l2, l10\nl2: ldb [23]\nl3: jeq #0x11, l4, l10\n\
                    l4: ldx 4*([14]&0xf)\nl5: ldh [x+16]\nl6: jeq #0x35, l7, l10\n\
                    l7: jset #0x1fff, l10\nl8: ja l9\nl9: ret #0x40000\nl10: ret #0x0";
        assert_eq!(list(&filter), text);
        let immediates: Vec<u32> = filter.iter().filter_map(immediate).collect();
        assert_eq!(immediates, [0x800, 17, 53, 0x1fff, 0x40000, 0]);
    }

    #[test]
    fn the_other_operations_and_what_is_none() {
        #[rustfmt::skip]
        let table = [
            (0x00, "ld #0x7"), (0x80, "ld #len"), (0x60, "ld M[7]"), (0x02, "st M[7]"),
            (0x03, "stx M[7]"), (0x01, "ldx #0x7"), (0x04, "add #0x7"), (0x0c, "add x"),
            (0x84, "neg"), (0xa4, "xor #0x7"), (0x1d, "jeq x, l1"), (0x16, "ret a"),
            (0x07, "tax"), (0x87, "txa"), (0xff, ".word 0xff, 0, 0, 0x7"),
            (0xb4, ".word 0xb4, 0, 0, 0x7"), (0x128, ".word 0x128, 0, 0, 0x7"),
        ];
        for (code, text) in table {
            assert_eq!(list(&[of(code, 0, 0, 7)]), format!("l0: {text}"));
        }
        assert_eq!(list(&[]), "");
        assert_eq!(list(&[of(5, 0, 0, u32::MAX)]), "l0: ja l4294967296");
    }
}
