//! The headers that the kernel gives to programs (Debian's packages linux-libc-dev and
//! linux-libc-dev-*-cross), as the C preprocessor and compiler read them.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sentrace_codegen::model::Model;

use super::{Numbers, compare, model};

/// An ABI, where its headers are (on a machine of its kind, elsewhere), and what the compiler is
/// told so that the headers mean this ABI.
const ABIS: [(&str, &str, &str, &[&str]); 5] = [
    ("amd64", "x86_64-linux-gnu", "amd64", &["-D__x86_64__", "-U__i386__", "-U__ILP32__"]),
    ("arm64", "aarch64-linux-gnu", "arm64", &["-D__aarch64__", "-U__x86_64__"]),
    ("i386", "x86_64-linux-gnu", "amd64", &["-D__i386__", "-U__x86_64__"]),
    ("arm", "arm-linux-gnueabihf", "armhf", &["-D__ARM_EABI__", "-U__x86_64__"]),
    ("x32", "x86_64-linux-gnu", "amd64", &["-D__x86_64__", "-U__i386__", "-D__ILP32__"]),
];

/// The directories of an ABI's headers.
fn include(triplet: &str, package: &str) -> [String; 2] {
    let [native, cross] =
        [format!("/usr/include/{triplet}"), format!("/usr/{triplet}/include")];
    let found = [native, cross].into_iter().find(|dir| Path::new(dir).join("asm/unistd.h").exists());
    let found = found.unwrap_or_else(|| {
        panic!("no kernel headers of {triplet}: install linux-libc-dev-{package}-cross")
    });
    [found, "/usr/include".into()]
}

/// What the C compiler prints for a text; panics with its errors.
fn cc(args: &[&str], include: &[String], text: &str) -> String {
    let mut command = Command::new("cc");
    command.args(args).args(["-nostdinc", "-x", "c", "-"]);
    for dir in include {
        command.args(["-isystem", dir]);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the C compiler `cc`");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("cc reads its input");
    let output = child.wait_with_output().expect("cc ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The numbers that a set of macros (`cc -dM`) stands for.
fn syscalls(macros: &str) -> Numbers {
    let defines = macros.lines().filter_map(|line| line.strip_prefix("#define "));
    let defines: HashMap<&str, &str> = defines.filter_map(|define| define.split_once(' ')).collect();
    let names = defines.iter().filter_map(|(name, value)| {
        let call = name.strip_prefix("__NR_").or_else(|| name.strip_prefix("__ARM_NR_"))?;
        // Not calls, and second names of calls.
        let is_other = matches!(call, "syscalls" | "arch_specific_syscall" | "SYSCALL_BASE" | "BASE");
        let is_alias = value.starts_with("__NR_");
        (!is_other && !is_alias).then(|| (number(value, &defines), call.to_owned()))
    });
    names.collect()
}

/// A sum of numbers and macros; without the bit of x32.
fn number(text: &str, defines: &HashMap<&str, &str>) -> u32 {
    let text = text.trim().trim_start_matches('(').trim_end_matches(')');
    let terms = text.split('+').map(|term| match term.trim().trim_matches(['(', ')']) {
        "__X32_SYSCALL_BIT" => 0,
        term if term.starts_with("0x") => {
            u32::from_str_radix(&term[2..], 16).expect("a hexadecimal number")
        }
        term => term.parse().unwrap_or_else(|_| {
            number(defines.get(term).unwrap_or_else(|| panic!("what is `{term}`?")), defines)
        }),
    });
    terms.sum()
}

#[test]
fn numbers() {
    let model = model();
    for (abi, triplet, package, flags) in ABIS {
        let flags = [&["-E", "-dM", "-undef"], flags].concat();
        let macros = cc(&flags, &include(triplet, package), "#include <asm/unistd.h>\n");
        let theirs = syscalls(&macros);
        assert!(theirs.len() > 250, "{abi}: only {} calls", theirs.len());
        compare(&model, abi, &theirs);
    }
}

/// The C name of a structure, its header, and whether we know all members.
const STRUCTS: [(&str, &str, &str, bool); 22] = [
    ("__kernel_timespec", "struct __kernel_timespec", "linux/time_types.h", true),
    ("__user_cap_data_struct", "struct __user_cap_data_struct", "linux/capability.h", true),
    ("__user_cap_header_struct", "struct __user_cap_header_struct", "linux/capability.h", true),
    ("clone_args", "struct clone_args", "linux/sched.h", true),
    ("futex_waitv", "struct futex_waitv", "linux/futex.h", true),
    ("io_uring_params", "struct io_uring_params", "linux/io_uring.h", false),
    ("iovec", "struct iovec", "linux/uio.h", true),
    ("kexec_segment", "struct kexec_segment", "linux/kexec.h", true),
    ("mount_attr", "struct mount_attr", "linux/mount.h", true),
    ("mq_attr", "struct mq_attr", "linux/mqueue.h", false),
    ("open_how", "struct open_how", "linux/openat2.h", true),
    ("perf_event_attr", "struct perf_event_attr", "linux/perf_event.h", false),
    ("pollfd", "struct pollfd", "linux/poll.h", true),
    ("rlimit", "struct rlimit", "linux/resource.h", true),
    ("rlimit64", "struct rlimit64", "linux/resource.h", true),
    ("sched_attr", "struct sched_attr", "linux/sched/types.h", true),
    ("stack_t", "stack_t", "linux/signal.h", true),
    ("statx", "struct statx", "linux/stat.h", false),
    ("timespec", "struct __kernel_old_timespec", "linux/time_types.h", true),
    ("timeval", "struct __kernel_old_timeval", "linux/time_types.h", true),
    ("timezone", "struct timezone", "linux/time.h", true),
    ("utimbuf", "struct utimbuf", "linux/utime.h", true),
];

/// Assertions that a compiler for an ABI checks.
fn layout(model: &Model, abi: &str) -> String {
    let abi = model.abis.iter().position(|known| known.name == abi).expect("an ABI");
    let mut text = String::new();
    for (name, c, header, is_whole) in STRUCTS {
        let of = model.structs.iter().find(|of| of.name == name).expect("a structure");
        text += &format!("#include <{header}>\n");
        for member in &of.members {
            let (member, offset) = (&member.name, member.offset[abi]);
            text += &format!(
                "_Static_assert(__builtin_offsetof({c}, {member}) == {offset}, \"{c} {member}\");\n"
            );
        }
        if is_whole {
            text += &format!("_Static_assert(sizeof({c}) == {}, \"{c}\");\n", of.size[abi]);
        }
    }
    text
}

/// Where the machine's own compiler knows several ABIs.
#[cfg(target_arch = "x86_64")]
#[test]
fn layouts() {
    let model = model();
    for (abi, flag) in [("amd64", "-m64"), ("i386", "-m32"), ("x32", "-mx32")] {
        let include = include("x86_64-linux-gnu", "amd64");
        cc(&["-fsyntax-only", flag], &include, &layout(&model, abi));
    }
}

#[cfg(target_arch = "aarch64")]
#[test]
fn layouts() {
    let include = include("aarch64-linux-gnu", "arm64");
    cc(&["-fsyntax-only"], &include, &layout(&model(), "arm64"));
}
