//! Layouts of structures against the kernel's headers, on the ABIs that this machine's compiler
//! makes code for.

use sentrace_codegen::model::Model;

use super::headers;
use super::table::model;

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
    let abi = model.abis.iter().position(|known| known.name == abi).unwrap();
    let mut text = String::new();
    for (name, c, header, is_whole) in STRUCTS {
        let of = model.structs.iter().find(|of| of.name == name).unwrap();
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

#[test]
fn layouts_are_those_of_the_kernel() {
    let abis: &[(&str, &str)] = match std::env::consts::ARCH {
        "x86_64" => &[("amd64", "-m64"), ("i386", "-m32"), ("x32", "-mx32")],
        "aarch64" => &[("arm64", "-mabi=lp64")],
        arch => panic!("the tests do not run on {arch}"),
    };
    let model = model();
    for (abi, option) in abis {
        let errors = headers::of(abi).errors(option, &layout(&model, abi));
        assert_eq!(errors, "", "{abi}");
    }
}
