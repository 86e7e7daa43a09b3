use proptest::prelude::*;

use super::fake::{FakeMemory, NoiseMemory, PAGE};
use super::*;

const WHOLE: u32 = 0;

#[test]
fn texts_end_at_their_nul_their_page_or_their_cap() {
    let check = |memory: &FakeMemory, addr, max, expect: &[u8], marks| {
        let text = text(memory, addr, max);
        assert_eq!((&*text.value, text.marks), (expect, marks), "{addr:#x} {max}");
    };
    let memory = FakeMemory::new()
        .with(PAGE, b"/etc/passwd\0")
        .with(2 * PAGE - 3, b"/tmp")
        .with(3 * PAGE - 4, b"last")
        .with(8 * PAGE, &[b'x'; 5000]);
    check(&memory, PAGE, 4096, b"/etc/passwd", WHOLE);
    check(&memory, PAGE + 11, 4096, b"", WHOLE);
    // Over the end of a page, and up to the end of what is mapped.
    check(&memory, 2 * PAGE - 3, 4096, b"/tmp", WHOLE);
    check(&memory, 3 * PAGE - 4, 4096, b"last", UNREADABLE);
    check(&memory, 8 * PAGE, 4096, &[b'x'; 4096], TRUNCATED);
    check(&memory, PAGE, 11, b"/etc/passwd", WHOLE);
    check(&memory, PAGE, 10, b"/etc/passw", TRUNCATED);
    check(&memory, PAGE, 0, b"", TRUNCATED);
    for addr in [0, PAGE - 1, u64::MAX, u64::MAX - 300] {
        check(&memory, addr, 4096, b"", UNREADABLE);
    }
    let top = FakeMemory::new().with(u64::MAX - 1, b"x");
    check(&top, u64::MAX - 1, 4096, b"x", WHOLE);
    let top = FakeMemory::new().with(u64::MAX - 1, b"xy");
    check(&top, u64::MAX - 1, 4096, b"xy", UNREADABLE);
}

#[test]
fn a_text_in_one_page_is_read_at_once() {
    for addr in [PAGE, PAGE + 250, 2 * PAGE - 36] {
        let memory = FakeMemory::new().with(addr, b"/usr/lib/x86_64-linux-gnu/libc.so.6\0");
        text(&memory, addr, TEXT_MAX);
        assert_eq!(memory.reads.get(), 1);
    }
}

#[test]
fn vectors_of_both_widths() {
    let texts_at = |memory: &FakeMemory, width| texts(memory, PAGE, width);
    let memory = FakeMemory::new().with(8 * PAGE, b"ls\0-l\0").with(9 * PAGE - 1, b"x");
    let [ls, l, open] = [8 * PAGE, 8 * PAGE + 3, 9 * PAGE - 1];
    let memory = memory.with_u64s(PAGE, &[ls, l, 0, ls]);
    let expect: [&[u8]; 2] = [b"ls", b"-l"];
    let whole = texts_at(&memory, Width::W64);
    assert_eq!((&*whole.value, whole.marks), (&expect.map(<[u8]>::to_vec)[..], WHOLE));

    let narrow = [ls as u32, l as u32, 0];
    let memory = memory.with_u32s(PAGE, &narrow);
    assert_eq!(texts_at(&memory, Width::W32), whole);

    // What cannot be read keeps its place.
    let memory = memory.with_u64s(PAGE, &[ls, 1, open, l, 0]);
    let expect: [&[u8]; 4] = [b"ls", b"", b"x", b"-l"];
    let partial = texts_at(&memory, Width::W64);
    assert_eq!((partial.value, partial.marks), (expect.map(<[u8]>::to_vec).to_vec(), UNREADABLE));

    // The vector itself ends where nothing is mapped.
    let memory = FakeMemory::new().with(8 * PAGE, b"ls\0").with_u64s(2 * PAGE - 8, &[8 * PAGE]);
    let partial = texts(&memory, 2 * PAGE - 8, Width::W64);
    assert_eq!((partial.value, partial.marks), (vec![b"ls".to_vec()], UNREADABLE));
    assert_eq!(texts(&memory, 0, Width::W64).marks, UNREADABLE);
}

#[test]
fn vectors_are_bounded() {
    let long = [b'x'; 4000];
    let memory = FakeMemory::new().with(64 * PAGE, &long).with(70 * PAGE, b"\0");
    let many = memory.with_u64s(PAGE, &vec![64 * PAGE; 100]);
    let bounded = texts(&many, PAGE, Width::W64);
    let bytes: usize = bounded.value.iter().map(Vec::len).sum();
    assert_eq!((bytes, bounded.marks), (VECTOR_BYTES_MAX, TRUNCATED));

    let many = FakeMemory::new().with(70 * PAGE, b"\0").with_u64s(PAGE, &vec![70 * PAGE; 2000]);
    let bounded = texts(&many, PAGE, Width::W64);
    assert_eq!((bounded.value.len(), bounded.marks), (VECTOR_MAX, TRUNCATED));
    let exact = FakeMemory::new()
        .with(70 * PAGE, b"\0")
        .with_u64s(PAGE, &[vec![70 * PAGE; 1024], vec![0]].concat());
    assert!(texts(&exact, PAGE, Width::W64).is_whole());
}

#[test]
fn bytes_are_capped_and_end_with_their_mapping() {
    let memory = FakeMemory::new().with(2 * PAGE - 4, b"data");
    let check = |addr, len, max, expect: &[u8], marks| {
        let bytes = bytes(&memory, addr, len, max);
        assert_eq!((&*bytes.value, bytes.marks), (expect, marks), "{addr:#x} {len} {max}");
    };
    check(2 * PAGE - 4, 4, 100, b"data", WHOLE);
    check(2 * PAGE - 4, 4, 2, b"da", TRUNCATED);
    check(2 * PAGE - 4, 5, 100, b"data", UNREADABLE);
    check(2 * PAGE - 4, u64::MAX, 3, b"dat", TRUNCATED);
    check(2 * PAGE - 4, 0, 100, b"", WHOLE);
    check(0, 0, 100, b"", WHOLE);
    check(u64::MAX, 8, 100, b"", UNREADABLE);
}

#[test]
fn numbers_have_a_width_and_a_sign() {
    let memory = FakeMemory::new().with(2 * PAGE - 8, &[0xfe, 0xff, 0xff, 0xff, 1, 0, 0, 0x80]);
    let check = |width, expect, signed| {
        let raw = number(&memory, 2 * PAGE - 8, width);
        assert_eq!(raw, Partial::whole(expect), "{width:?}");
        assert_eq!(width.sign_extend(raw.value), signed, "{width:?}");
        assert_eq!(
            width.zero_extend(u64::MAX << 1 & !1 | expect & 1),
            u64::MAX >> (64 - 8 * width.bytes()) & !1
        );
    };
    check(Width::W8, 0xfe, -2);
    check(Width::W16, 0xfffe, -2);
    check(Width::W32, 0xffff_fffe, -2);
    check(Width::W64, 0x8000_0001_ffff_fffe, 0x8000_0001_ffff_fffe_u64.cast_signed());
    assert_eq!(number(&memory, 2 * PAGE - 2, Width::W32).marks, UNREADABLE);
    assert_eq!(number_in(&[1, 2, 3], 2, Width::W16), None);
    assert_eq!(number_in(&[1, 2, 3], usize::MAX, Width::W16), None);
}

proptest! {
    /// Whatever lies there, every reading ends, within its bounds.
    #[test]
    fn any_memory_is_read_within_bounds(seed: u64, addr: u64, len: u64) {
        let memory = NoiseMemory(seed);
        prop_assert!(text(&memory, addr, TEXT_MAX).value.len() <= TEXT_MAX);
        prop_assert!(bytes(&memory, addr, len, TEXT_MAX).value.len() <= TEXT_MAX);
        for width in [Width::W32, Width::W64] {
            let texts = texts(&memory, addr, width);
            prop_assert!(texts.value.len() <= VECTOR_MAX);
            prop_assert!(texts.value.iter().map(Vec::len).sum::<usize>() <= VECTOR_BYTES_MAX);
        }
    }
}
