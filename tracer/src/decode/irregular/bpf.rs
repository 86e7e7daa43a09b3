//! bpf(2): the layout of `union bpf_attr` depends on the command.

use std::collections::BTreeSet;

use sentrace_schema::groups::{BpfMap, BpfProg};
use sentrace_schema::record::Slot;

use crate::decode::fill::put;
use crate::decode::reader::Reader;
use crate::memory::{self, ARRAY_MAX, Width, number_in};

/// `BPF_MAP_CREATE`, `BPF_PROG_LOAD` (linux/bpf.h).
const MAP_CREATE: i64 = 0;
const PROG_LOAD: i64 = 5;

/// Bytes of the union that hold what we look at.
const ATTR_MAX: usize = 72;
/// `BPF_OBJ_NAME_LEN`
const NAME_LEN: usize = 16;
/// Bytes of a program that are searched.
const PROGRAM_MAX: usize = 64 << 10;
/// Size of `struct bpf_insn`, the code of `BPF_JMP | BPF_CALL` in it.
const INSN: usize = 8;
const CALL: u8 = 0x85;

pub(super) fn map(reader: &mut Reader<'_>, slot: Slot<'_>) {
    let Some(attr) = attr(reader, MAP_CREATE) else { return };
    let type_ = number_in(&attr, 0, Width::W32).unwrap_or_default().cast_signed();
    put(slot, BpfMap { type_, name: name(&attr, 28) });
}

pub(super) fn prog(reader: &mut Reader<'_>, slot: Slot<'_>) {
    let Some(attr) = attr(reader, PROG_LOAD) else { return };
    let word = |offset| number_in(&attr, offset, Width::W32).unwrap_or_default();
    let insns = number_in(&attr, 8, Width::W64).unwrap_or_default();
    let program = memory::bytes(reader.memory, insns, word(4) * INSN as u64, PROGRAM_MAX);
    let program = reader.note(program);
    put(
        slot,
        BpfProg {
            type_: word(0).cast_signed(),
            attach_type: word(68).cast_signed(),
            helpers: helpers(&program),
            name: name(&attr, 48),
            tag: vec![],
        },
    );
}

/// The union of a call with this command. What the program leaves out is 0 to the kernel.
fn attr(reader: &mut Reader<'_>, command: i64) -> Option<Vec<u8>> {
    if reader.named("cmd") != Some(command) {
        return None;
    }
    let attr = reader.arguments.index("uattr")?;
    let size = reader.arguments.index("size").map(|size| reader.arguments.bits(size))?;
    let size = size.min(ATTR_MAX as u64);
    let mut attr = reader.note(reader.pointees().bytes(attr, size, ATTR_MAX));
    attr.resize(ATTR_MAX, 0);
    Some(attr)
}

fn name(attr: &[u8], offset: usize) -> Vec<u8> {
    let name = attr.get(offset..offset + NAME_LEN).unwrap_or_default();
    name.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
}

/// The kernel helpers that a program calls, ascending: `imm` of calls whose `src_reg` is 0.
fn helpers(program: &[u8]) -> Vec<i64> {
    let calls = program.chunks_exact(INSN).filter(|insn| insn[0] == CALL && insn[1] >> 4 == 0);
    let ids = calls.filter_map(|insn| number_in(insn, 4, Width::W32));
    let ids: BTreeSet<i64> = ids.map(|id| Width::W32.sign_extend(id)).collect();
    ids.into_iter().take(ARRAY_MAX).collect()
}
