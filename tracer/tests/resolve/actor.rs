//! A task with a root and working directory of its own: a thread that has left the shared ones.

use std::ffi::CString;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{chdir, chroot, gettid};
use sentrace_tracer::resolve::{Follow, Miss, Resolver, Start};

type Job = Box<dyn FnOnce() + Send>;

/// A thread that runs jobs in its own root, working directory and, if asked, mount namespace.
pub(crate) struct Actor {
    pub(crate) tid: i32,
    /// Its root as seen from ours; empty for `/`.
    prefix: Vec<u8>,
    jobs: Sender<Job>,
}

impl Actor {
    /// `namespaces` beside `CLONE_FS`.
    pub(crate) fn new(namespaces: CloneFlags) -> Self {
        let (jobs, todo) = channel::<Job>();
        let (ready, tid) = channel();
        std::thread::spawn(move || {
            unshare(namespaces | CloneFlags::CLONE_FS).unwrap();
            ready.send(gettid().as_raw()).unwrap();
            todo.into_iter().for_each(|job| job());
        });
        Self { tid: tid.recv().unwrap(), prefix: Vec::new(), jobs }
    }

    /// In `directory`.
    pub(crate) fn within(directory: &Path) -> Self {
        let actor = Self::new(CloneFlags::empty());
        actor.chdir(directory);
        actor
    }

    /// With `root` as its root and working directory. None without the privilege for that.
    pub(crate) fn jailed(root: &Path) -> Option<Self> {
        let mut actor = Self::new(CloneFlags::empty());
        actor.enter(root).then_some(actor)
    }

    /// chroot and chdir to `/`; false without the privilege.
    pub(crate) fn enter(&mut self, root: &Path) -> bool {
        self.prefix = root.as_os_str().as_encoded_bytes().to_vec();
        let root = root.to_owned();
        match self.run(move || chroot(&root)) {
            Err(Errno::EPERM) => return false,
            answer => answer.unwrap(),
        }
        self.chdir(Path::new("/"));
        true
    }

    pub(crate) fn chdir(&self, directory: &Path) {
        let directory = directory.to_owned();
        self.run(move || chdir(&directory)).unwrap();
    }

    pub(crate) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (answer, result) = channel();
        self.jobs.send(Box::new(move || answer.send(job()).unwrap())).unwrap();
        result.recv().unwrap()
    }

    /// What the kernel makes of a path: its name for the opened file and the file's identity.
    pub(crate) fn kernel(&self, path: &[u8], follow: Follow) -> Result<(Vec<u8>, u64, u64), Errno> {
        let path = CString::new(path).unwrap();
        let flags = match follow {
            Follow::Last => OFlag::O_PATH,
            Follow::Never => OFlag::O_PATH | OFlag::O_NOFOLLOW,
        };
        let file = self.run(move || open(path.as_c_str(), flags, Mode::empty()))?;
        Ok(identity(&file, &self.prefix))
    }

    /// The resolver and the kernel must agree on existing files, and on why others are missing.
    /// Returns the path.
    pub(crate) fn check(&self, resolver: &Resolver, path: &[u8], follow: Follow) -> Vec<u8> {
        let kernel = self.kernel(path, follow);
        let got = resolver.resolve(self.tid, Start::Cwd, path, follow);
        let shown = String::from_utf8_lossy(path);
        match (&kernel, &got.found) {
            (Ok((name, device, inode)), Ok(found)) => {
                assert_eq!(found.stat.inode, *inode, "{shown}: another inode");
                assert_eq!(makedev(found.stat.device), *device, "{shown}: another device");
                assert_eq!(
                    String::from_utf8_lossy(&got.path),
                    String::from_utf8_lossy(name),
                    "{shown}: another path"
                );
            }
            (Err(errno), Err(Miss::Kernel(ours))) => assert_eq!(ours, errno, "{shown}"),
            _ => panic!("{shown}: kernel {kernel:?}, resolver {got:?}"),
        }
        got.path
    }
}

/// The kernel's name of an open file below `prefix`, device and inode.
fn identity(file: &OwnedFd, prefix: &[u8]) -> (Vec<u8>, u64, u64) {
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    let name = fs::read_link(&link).unwrap().into_os_string().into_vec();
    let meta = fs::File::from(file.try_clone().unwrap()).metadata().unwrap();
    let inside = match name.strip_prefix(prefix) {
        Some(b"") => b"/".to_vec(),
        Some(rest) if rest.starts_with(b"/") => rest.to_vec(),
        _ => name,
    };
    (inside, meta.dev(), meta.ino())
}

fn makedev(device: u64) -> u64 {
    nix::libc::makedev((device >> 32) as u32, device as u32)
}
