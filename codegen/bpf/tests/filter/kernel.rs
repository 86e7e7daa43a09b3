//! The kernel takes the programs and answers the same.
//!
//! Children run under filters that answer with error numbers, and make calls by numbers that no
//! kernel knows: what is let through fails with `ENOSYS`.
#![expect(unsafe_code, reason = "forks, installs filters and makes raw calls")]

use std::fs::File;
use std::io::Read;
use std::sync::LazyLock;

use nix::errno::Errno;
use nix::libc;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork, pipe};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sentrace_bpf::{
    Instruction, Program, SeccompData, Section, Verdict, action, compile, run, verify,
};

use crate::samples::{I386, X32, X86_64, args, rules};

const ACTIONS: &[u32] =
    &[action::ALLOW, action::errno(1), action::errno(38), action::errno(77), action::errno(4095)];

/// The architecture of this test's own calls.
const NATIVE: u32 = if cfg!(target_arch = "x86_64") { X86_64 } else { 0xC000_00B7 };

/// Whether a 64-bit process can make 32-bit calls here.
static COMPAT: LazyLock<bool> = LazyLock::new(|| {
    let getpid = SeccompData { nr: 20, arch: I386, ..SeccompData::default() };
    cfg!(target_arch = "x86_64") && in_child(|| make(&getpid)).is_some_and(|pid| pid > 0)
});

fn sections() -> impl Strategy<Value = Vec<Section>> {
    let section = |audit, number_flag| {
        rules(600..640, 20, ACTIONS).prop_map(move |rules| Section {
            audit,
            number_flag,
            rules: rules.into_iter().collect(),
        })
    };
    (section(NATIVE, 0), section(X86_64, X32), section(I386, 0))
        .prop_map(|(native, x32, i386)| vec![native, x32, i386])
}

fn call() -> impl Strategy<Value = SeccompData> {
    let abis: &[(u32, u32)] = match (cfg!(target_arch = "x86_64"), *COMPAT) {
        (false, _) => &[(NATIVE, 0)],
        (true, false) => &[(NATIVE, 0), (X86_64, X32)],
        (true, true) => &[(NATIVE, 0), (X86_64, X32), (I386, 0)],
    };
    (select(abis), 599..641_u32, args()).prop_map(|((arch, flag), nr, args)| {
        // What 32-bit calls find in the upper halves differs between kernels.
        let args = if arch == I386 { args.map(|arg| arg & 0xffff_ffff) } else { args };
        SeccompData { nr: nr | flag, arch, args, ..SeccompData::default() }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_kernel_answers_as_the_interpreter(sections in sections(), calls in vec(call(), 40)) {
        let program = compile(&sections, action::errno(99)).unwrap();
        let answers = answers(&program, &calls);
        prop_assert_eq!(answers.len(), calls.len(), "not all calls were answered");
        for (call, answer) in calls.iter().zip(answers) {
            let expect = match run(&program, call) {
                action::ALLOW => libc::ENOSYS,
                errno => action::data(errno).into(),
            };
            prop_assert_eq!(answer, -i64::from(expect), "{:x?}", call);
        }
    }

    #[test]
    fn the_kernel_takes_what_verify_takes(program in vec(instruction(), 1..12)) {
        let expect = match verify(&program) {
            Ok(()) => 0,
            Err(_) => i64::from(libc::EINVAL),
        };
        prop_assert_eq!(in_child(|| install(&program)), Some(expect), "{:x?}", program);
    }
}

#[test]
fn the_kernel_takes_the_longest_program() {
    let answer = Instruction { code: 0x06, jt: 0, jf: 0, k: action::ALLOW };
    assert_eq!(in_child(|| install(&vec![answer; 4096])), Some(0));
    assert_eq!(in_child(|| install(&vec![answer; 4097])), Some(i64::from(libc::EINVAL)));
}

#[test]
fn an_architecture_without_a_section_stops() {
    if *COMPAT {
        let native = Section { audit: NATIVE, ..Section::default() };
        let program = compile(&[native], action::errno(99)).unwrap();
        let call = SeccompData { nr: 20, arch: I386, ..SeccompData::default() };
        assert_eq!(answers(&program, &[call]), [-99]);
    }
}

#[test]
fn a_tracer_that_is_not_there_is_no_kill() {
    let rules = vec![(600, Verdict::always(action::TRACE))];
    let native = Section { audit: NATIVE, number_flag: 0, rules };
    let program = compile(&[native], action::TRACE).unwrap();
    let call = SeccompData { nr: 600, arch: NATIVE, ..SeccompData::default() };
    assert_eq!(answers(&program, &[call]), [-i64::from(libc::ENOSYS)]);
}

/// Instructions that often make a valid program, and often just do not. All answers let calls
/// through, so that the child can tell.
fn instruction() -> impl Strategy<Value = Instruction> {
    let near = || 0..3_u8;
    prop_oneof![
        (0..66_u32).prop_map(|k| (0x20, 0, 0, k)),
        (0..16_u32).prop_map(|k| (0x20, 0, 0, 4 * k)),
        any::<u32>().prop_map(|k| (0x54, 0, 0, k)),
        (0..3_u32).prop_map(|k| (0x05, 0, 0, k)),
        (select(&[0x15, 0x25, 0x35, 0x45][..]), near(), near(), any::<u32>()),
        Just((0x06, 0, 0, action::ALLOW)),
        Just((0x06, 0, 0, action::ALLOW)),
    ]
    .prop_map(|(code, jt, jf, k)| Instruction { code, jt, jf, k })
}

/// What `calls` return in a child under the filter.
fn answers(program: &Program, calls: &[SeccompData]) -> Vec<i64> {
    child(|report| {
        if install(program.instructions()) == 0 {
            calls.iter().for_each(|call| report(make(call)));
        }
    })
}

/// What `answer` is in a child; `None` if the child dies of it.
fn in_child(answer: impl Fn() -> i64) -> Option<i64> {
    child(|report| report(answer())).first().copied()
}

/// Runs `body` in a child, which may only make async-signal-safe calls, and collects its reports.
fn child(body: impl Fn(&dyn Fn(i64))) -> Vec<i64> {
    let (read, write) = pipe().expect("pipe");
    // SAFETY: the child makes plain calls on memory laid out before, and exits.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Child => {
            body(&|answer| {
                let _ = nix::unistd::write(&write, &answer.to_ne_bytes());
            });
            // SAFETY: plain call.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            drop(write);
            let mut bytes = Vec::new();
            File::from(read).read_to_end(&mut bytes).expect("read");
            let status = waitpid(child, None).expect("wait");
            assert!(matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..)));
            let (answers, _) = bytes.as_chunks();
            answers.iter().map(|answer| i64::from_ne_bytes(*answer)).collect()
        }
    }
}

/// Installs a filter for the calling thread; answers 0 or the errno.
fn install(program: &[Instruction]) -> i64 {
    let filter = program.as_ptr().cast_mut().cast();
    let program = libc::sock_fprog { len: program.len() as u16, filter };
    // SAFETY: `Instruction` has the layout of `sock_filter`; the kernel only reads the program.
    let result = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program)
    };
    if result == 0 { 0 } else { Errno::last_raw().into() }
}

/// Makes a call; answers its result or the negative errno.
fn make(call: &SeccompData) -> i64 {
    if call.arch == I386 {
        return compat(call.nr, &call.args);
    }
    let [a, b, c, d, e, f] = call.args;
    // SAFETY: no kernel has a call of such a number, so no argument is used.
    let result = unsafe { libc::syscall(i64::from(call.nr), a, b, c, d, e, f) };
    if result == -1 { -i64::from(Errno::last_raw()) } else { result }
}

/// Makes a 32-bit call from 64-bit code.
#[cfg(target_arch = "x86_64")]
fn compat(nr: u32, args: &[u64; 6]) -> i64 {
    let result: u64;
    // SAFETY: the call uses no argument; all registers that it changes are saved or named.
    unsafe {
        std::arch::asm!(
            "push rbx",
            "push rbp",
            "mov rbx, [r12]",
            "mov rcx, [r12 + 8]",
            "mov rdx, [r12 + 16]",
            "mov rsi, [r12 + 24]",
            "mov rdi, [r12 + 32]",
            "mov rbp, [r12 + 40]",
            "int 0x80",
            "pop rbp",
            "pop rbx",
            in("r12") args.as_ptr(),
            inlateout("rax") u64::from(nr) => result,
            out("rcx") _, out("rdx") _, out("rsi") _, out("rdi") _,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    (result as i32).into()
}

/// There are no 32-bit calls from 64-bit code.
#[cfg(not(target_arch = "x86_64"))]
fn compat(_: u32, _: &[u64; 6]) -> i64 {
    -i64::from(libc::ENOSYS)
}
