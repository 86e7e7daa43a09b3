//! A few calls until `syscalls.yaml` has its own, each of another form.

use std::path::Path;

use sentrace_codegen::model::*;

#[path = "../../schema/build/interim.rs"]
mod groups;

const PATH: Type = Type::Path { at: None, follow: Follow::Always };
const MISSING: u32 = u32::MAX;

pub(super) fn load(path: &Path) -> Model {
    let mut model = groups::load(path);
    for (abi, name) in model.abis.iter_mut().zip(["amd64", "arm64", "i386", "arm", "x32"]) {
        assert_eq!(abi.name, name);
        abi.uid16 = name == "i386";
        abi.align64 = if name == "i386" { 4 } else { 8 };
    }
    for event in &mut model.events {
        event.results = Results::Only { success: true, errors: vec![1, 13] };
    }
    for name in ["socketcall", "old_mmap", "accepted", "capability_sets", "prctl_name", "user_ids"]
    {
        model.irregular.push(Irregular { name: name.into(), reason: String::new() });
    }
    model.structs.push(Struct {
        name: "rlimit".into(),
        members: [("rlim_cur", [0, 0, 0, 0, 0]), ("rlim_max", [8, 8, 4, 4, 8])]
            .map(|(name, offset)| Member {
                name: name.into(),
                ty: Scalar::KernelLong,
                count: None,
                offset: offset.into(),
            })
            .into(),
        size: vec![16, 16, 8, 8, 16],
    });
    calls(&mut model);
    model.syscalls.sort_by(|a, b| a.name.cmp(&b.name));
    model
}

fn calls(model: &mut Model) {
    use Scalar::*;
    let scalar = Type::Scalar;
    let flags = |name: &str| {
        let set = model
            .sets
            .iter()
            .position(|set| set.name == name)
            .expect("a name of the specification");
        Type::Scalar(Set(set))
    };
    let (open_flags, at_flags, prot) = (flags("open_flags"), flags("at_flags"), flags("mmap_prot"));
    let at = |follow| Type::Path { at: Some(0), follow };
    let arg = Source::Arg;
    let when = |arg, bits| vec![Condition { arg, test: Test::AnyBits(vec![bits; 5]) }];
    let sockaddr = Type::Sockaddr { len: 2 };
    let socket = [("fd", scalar(Fd)), ("uservaddr", sockaddr.clone()), ("addrlen", scalar(Int))];
    let accept = [
        ("fd", scalar(Fd)),
        ("upeer_sockaddr", sockaddr),
        ("upeer_addrlen", Type::ScalarPtr(Int, Count::Fixed(1))),
    ];
    let rlimit = Type::StructPtr(0, Count::Fixed(1));
    let member = |member| Source::Member { arg: 1, of: 0, member };
    let mut list = List(model);
    list.add(
        "openat",
        [257, 56, 295, 322, 257],
        &[
            ("dfd", scalar(Dirfd)),
            ("filename", at(Follow::Always)),
            ("flags", open_flags),
            ("mode", scalar(Mode)),
        ],
    )
    .event("open", vec![], &[arg(1), arg(2), arg(3), arg(1)]);
    list.add(
        "unlinkat",
        [263, 35, 301, 328, 263],
        &[("dfd", scalar(Dirfd)), ("pathname", at(Follow::Never)), ("flag", at_flags)],
    )
    .event("rmdir", when(2, 0x200), &[arg(1), arg(1)])
    .event("unlink", vec![], &[arg(1), arg(2), arg(0), arg(1)]);
    list.add("mkdir", [83, MISSING, 39, 39, 83], &[("pathname", PATH), ("mode", scalar(Mode))])
        .event("mkdir", vec![], &[arg(0), arg(1), arg(0)]);
    list.add(
        "chown",
        [92, MISSING, 182, MISSING, 92],
        &[("filename", PATH), ("user", scalar(OldUid)), ("group", scalar(OldGid))],
    )
    .event("chown", vec![], &[arg(0), arg(1), arg(1), arg(2), arg(2), arg(0)]);
    list.add("setrlimit", [160, 164, 75, 75, 160], &[("resource", scalar(Uint)), ("rlim", rlimit)])
        .event("setrlimit", vec![], &[arg(0), member(0), member(1), Source::Const(vec![0; 5])]);
    list.add(
        "truncate64",
        [MISSING, MISSING, 193, 193, MISSING],
        &[("path", PATH), ("length", scalar(Off))],
    )
    .shape(2, &[(0, false), (1, true)])
    .shape(3, &[(0, false), (2, true)])
    .event("truncate", vec![], &[arg(0), arg(1)]);
    list.add("kill", [62, 129, 37, 37, 62], &[("pid", scalar(Pid)), ("sig", scalar(Signal))])
        .event("signal", vec![], &[arg(1), arg(0), arg(0)]);
    list.add("connect", [42, 203, 362, 283, 42], &socket).event("connect", vec![], &[arg(1)]);
    list.add("accept", [43, 202, MISSING, 285, 43], &accept).event(
        "accept",
        vec![],
        &[Source::Rust(2)],
    );
    list.add(
        "mmap",
        [9, 222, MISSING, MISSING, 9],
        &[
            ("addr", scalar(Ulong)),
            ("len", scalar(Size)),
            ("prot", prot),
            ("flags", scalar(Ulong)),
            ("fd", scalar(Fd)),
            ("off", scalar(Ulong)),
        ],
    )
    .event("mmap", when(2, 4), &[arg(4), arg(2), arg(3)]);
    list.add(
        "socketcall",
        [MISSING, MISSING, 102, MISSING, MISSING],
        &[("call", scalar(Int)), ("args", scalar(Address))],
    )
    .becomes(0);
    list.add("old_mmap", [MISSING, MISSING, 90, MISSING, MISSING], &[("arg", scalar(Address))])
        .becomes(1);
    list.add(
        "capset",
        [126, 91, 185, 185, 126],
        &[("header", scalar(Address)), ("data", scalar(Address))],
    )
    .event("capset", vec![], &[Source::Rust(3)]);
    list.add(
        "prctl",
        [157, 167, 172, 172, 157],
        &[("option", scalar(Int)), ("arg2", scalar(Ulong))],
    )
    .event("prctl", vec![], &[arg(0), Source::Rust(4)]);
    list.add("setuid", [105, 146, 23, 23, 105], &[("uid", scalar(OldUid))]).event(
        "setuid",
        vec![],
        &[Source::Rust(5)],
    );
    list.add(
        "open_by_handle_at",
        [304, 265, 342, 371, 304],
        &[
            ("mountdirfd", scalar(Dirfd)),
            ("handle", Type::Opaque { of: "file_handle".into() }),
            ("flags", scalar(Int)),
        ],
    )
    .event("open", vec![], &[Source::Result, arg(2)]);
    list.add(
        "cacheflush",
        [MISSING, MISSING, MISSING, 0xf0002, MISSING],
        &[("start", scalar(Ulong))],
    );
}

struct List<'m>(&'m mut Model);

impl List<'_> {
    fn add(&mut self, name: &str, nr: [u32; 5], args: &[(&str, Type)]) -> &mut Self {
        let slots = (0..args.len()).map(|index| Some(Slot { index: index as u8, pair: false }));
        let shape = Shape { slots: slots.collect() };
        let nr = nr.map(|nr| Some(nr).filter(|nr| *nr != MISSING));
        let args = args.iter().map(|(name, ty)| {
            let out = *name == "upeer_sockaddr" || *name == "upeer_addrlen";
            let dir = if out { Dir::Out } else { Dir::In };
            Arg { name: (*name).into(), ty: ty.clone(), dir }
        });
        self.0.syscalls.push(Syscall {
            name: name.into(),
            doc: String::new(),
            nr: nr.into(),
            args: args.collect(),
            shapes: nr.map(|nr| nr.map(|_| shape.clone())).into(),
            events: vec![],
            becomes: None,
        });
        self
    }

    fn shape(&mut self, abi: usize, slots: &[(u8, bool)]) -> &mut Self {
        let slots = slots.iter().map(|(index, pair)| Some(Slot { index: *index, pair: *pair }));
        self.last().shapes[abi] = Some(Shape { slots: slots.collect() });
        self
    }

    fn event(&mut self, name: &str, when: Vec<Condition>, sources: &[Source]) -> &mut Self {
        let event = self
            .0
            .events
            .iter()
            .position(|event| event.name == name)
            .expect("a name of the specification");
        let sources = sources.iter().cloned().map(Some).collect();
        self.last().events.push(Binding { event, when, sources });
        self
    }

    fn becomes(&mut self, by: usize) -> &mut Self {
        self.last().becomes = Some(Becomes { by, when: vec![] });
        self
    }

    fn last(&mut self) -> &mut Syscall {
        self.0.syscalls.last_mut().expect("a name of the specification")
    }
}
