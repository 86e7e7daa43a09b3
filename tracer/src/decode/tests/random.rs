//! Every call on every ABI, with any registers and memory.

use proptest::prelude::*;

use super::super::{NUMBERS, RESULTS, SYSCALLS, render};
use super::*;
use crate::memory::fake::{FakeMemory, NoiseMemory, mix};

/// Register values that programs and attackers use, beside random ones.
fn registers(seed: u64) -> [u64; 6] {
    std::array::from_fn(|index| {
        let mixed = mix(seed ^ index as u64);
        match mixed % 8 {
            0 => 0,
            1 => u64::MAX,
            2 => mixed >> 3 & 0xff,
            3 => u64::MAX << 12 | mixed >> 52,
            4 => mixed >> 20 & 0xffff_ffff,
            _ => mixed,
        }
    })
}

/// Decodes every call once; answers how many became events.
fn decode_all(seed: u64, memory: &dyn Memory) -> usize {
    let world = FakeWorld::default();
    let mut events = 0;
    for (abi, numbers) in NUMBERS.iter().enumerate() {
        for (nr, _) in numbers.iter() {
            let args = registers(mix(seed) ^ u64::from(*nr) << 8 ^ (abi as u64) << 40);
            let call = Call { abi: AbiId(abi as u16), nr: *nr, args, ip: 0, sp: 0 };
            let line = render::entered(&call, memory, render::Style::default());
            for result in [0, 3, -1, i64::MIN, i64::MAX] {
                let line = line.clone().returned(result, memory);
                assert!(line.is_ascii() && line.len() < 200_000, "{line}");
            }
            let Some(pending) = entry(&call, memory, &world) else { continue };
            let event = asked(&call, memory).map(|asked| asked.event()).expect("an event");
            let predicted = pending.clone().predicted(memory, &world);
            assert_eq!(predicted.payload.event().id, event);
            if let Some(died) = pending.clone().died() {
                assert_eq!(died.payload.event().id, event);
            }
            for result in [0, 3, -1, -13, -4095, i64::MIN, mix(seed).cast_signed()] {
                let is_reported = RESULTS[usize::from(event)].include(result);
                let decoded = pending.clone().exit(result, memory, &world);
                assert_eq!(decoded.is_some(), is_reported);
                events += usize::from(is_reported);
            }
        }
    }
    events
}

#[test]
fn nothing_is_mapped() {
    assert!(decode_all(0, &FakeMemory::new()) > 0);
}

#[test]
fn tables_are_sorted() {
    assert!(SYSCALLS.is_sorted_by(|a, b| a.name < b.name));
    for numbers in NUMBERS {
        assert!(numbers.is_sorted_by(|(a, _), (b, _)| a < b));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn anything_is_mapped(seed: u64) {
        decode_all(seed, &NoiseMemory(seed));
    }
}
