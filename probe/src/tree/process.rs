//! A process as events see it, in two parts: what exec set, which forked children share however
//! big it is, and the rest.

use std::sync::{Arc, LazyLock};

use sentrace_schema::groups;
use sentrace_schema::record::{Record, RecordDesc, Slot, Value};

/// Fields that exec sets and nothing changes afterwards.
const IMAGE: &[&str] = &[
    "argv0",
    "argv",
    "args_truncated",
    "envp",
    "envs_truncated",
    "file",
    "interpreter_file",
    "symlinks",
];

/// Whether a field, by its index, belongs to the image.
static IS_IMAGE: LazyLock<Vec<bool>> = LazyLock::new(|| {
    groups::PROCESS.fields.iter().map(|field| IMAGE.contains(&field.ident)).collect()
});

/// Bytes of arguments, and of environment, that a process keeps when it has long ended and is
/// only somebody's ancestor.
const REST_MAX: usize = 4096;

/// A process at one moment: a record of the group `process` that is cheap to clone.
#[derive(Debug, Clone)]
pub struct Process {
    image: Arc<groups::Process>,
    /// The other fields; those of the image are empty here.
    rest: Arc<groups::Process>,
}

impl Process {
    /// Splits a record.
    pub(super) fn new(mut process: groups::Process) -> Self {
        let image = groups::Process {
            argv0: std::mem::take(&mut process.argv0),
            argv: std::mem::take(&mut process.argv),
            args_truncated: std::mem::take(&mut process.args_truncated),
            envp: std::mem::take(&mut process.envp),
            envs_truncated: std::mem::take(&mut process.envs_truncated),
            file: std::mem::take(&mut process.file),
            interpreter_file: std::mem::take(&mut process.interpreter_file),
            symlinks: std::mem::take(&mut process.symlinks),
            ..groups::Process::default()
        };
        Self { image: Arc::new(image), rest: Arc::new(process) }
    }

    /// The fields that may change within an image: ids, capabilities, name, directory, … Those of
    /// the image are empty: see [`Process::image`].
    pub fn rest(&self) -> &groups::Process {
        &self.rest
    }

    /// The fields that exec set: arguments, environment, files. All others are empty.
    pub fn image(&self) -> &groups::Process {
        &self.image
    }

    pub(super) fn rest_mut(&mut self) -> &mut groups::Process {
        Arc::make_mut(&mut self.rest)
    }

    /// Shortens arguments and environment. Others that share the image keep them.
    pub(super) fn shrink(&mut self) {
        let size = |strings: &[Vec<u8>]| strings.iter().map(Vec::len).sum::<usize>();
        let is_big = [&self.image.argv, &self.image.envp].iter().any(|list| size(list) > REST_MAX);
        if is_big {
            let image = Arc::make_mut(&mut self.image);
            image.args_truncated |= cut(&mut image.argv);
            image.envs_truncated |= cut(&mut image.envp);
        }
    }
}

impl Record for Process {
    fn desc(&self) -> &'static RecordDesc {
        &groups::PROCESS
    }

    fn get(&self, index: usize) -> Value<'_> {
        if IS_IMAGE[index] { self.image.get(index) } else { self.rest.get(index) }
    }

    fn get_mut(&mut self, index: usize) -> Slot<'_> {
        let part = if IS_IMAGE[index] { &mut self.image } else { &mut self.rest };
        Arc::make_mut(part).get_mut(index)
    }
}

/// Drops what is beyond [`REST_MAX`]; whether that was anything.
fn cut(strings: &mut Vec<Vec<u8>>) -> bool {
    let mut size = 0;
    let keep = strings.iter().take_while(|string| {
        size += string.len();
        size <= REST_MAX
    });
    let keep = keep.count();
    let is_cut = keep < strings.len();
    strings.truncate(keep);
    strings.shrink_to_fit();
    is_cut
}
