//! Tests under every engine.

/// An engine that a test runs under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Notify,
    Ptrace,
}

/// Makes tests of functions that take an engine, for each engine one.
macro_rules! on_every_engine {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use crate::engines::Engine;

            #[test]
            fn notify() {
                super::$name(Engine::Notify);
            }

            #[test]
            fn ptrace() {
                super::$name(Engine::Ptrace);
            }
        }
    )+};
}
pub(crate) use on_every_engine;

impl Engine {
    /// The option of the examples that run programs.
    pub(crate) fn option(self) -> &'static str {
        match self {
            Self::Notify => "--engine=notify",
            Self::Ptrace => "--engine=ptrace",
        }
    }
}
