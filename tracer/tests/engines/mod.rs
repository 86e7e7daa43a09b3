//! Tests under every engine.

/// An engine that a test runs under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Notify,
    Ptrace,
    /// ptrace without a filter: every call stops.
    Every,
}

/// Makes tests of functions that take an engine, for each engine one.
macro_rules! on_every_engine {
    ($($name:ident),+ $(,)?) => {
        crate::engines::on_engines!([notify Notify, ptrace Ptrace, every Every] $($name)+);
    };
}
pub(crate) use on_every_engine;

/// Makes tests of functions that take an engine, for each of some: `[TEST ENGINE, …] FUNCTION…`.
macro_rules! on_engines {
    ($engines:tt $($name:ident)+) => {
        $(mod $name { crate::engines::on_engines!(@ $name $engines); })+
    };
    (@ $name:ident [$($test:ident $engine:ident),+]) => {$(
        #[test]
        fn $test() {
            super::$name(crate::engines::Engine::$engine);
        }
    )+};
}
pub(crate) use on_engines;

impl Engine {
    /// The options of the examples that run programs.
    pub(crate) fn options(self) -> &'static [&'static str] {
        match self {
            Self::Notify => &["--engine=notify"],
            Self::Ptrace => &["--engine=ptrace"],
            Self::Every => &["--engine=ptrace", "--every"],
        }
    }
}
