//! Symlinks by which a program is known.

use super::{Follow, Kind, Resolver, Start};

/// Symlinks of one path that are told.
const LINKS_MAX: usize = 2;

impl Resolver {
    /// The symlinks, one pointing to the next, that a path of a task ends in: the absolute path of
    /// each within the task's root, two at most. Those of procfs, which stand for something else
    /// than they say, and those that a FUSE process would have to be asked for are left out.
    pub fn links(&self, tid: i32, path: &[u8]) -> Vec<Vec<u8>> {
        let mut links = Vec::new();
        let Ok(view) = self.view(tid) else { return links };
        let mut path = path.to_vec();
        while links.len() < LINKS_MAX {
            let link = self.resolve_in(&view, Start::Cwd, &path, Follow::Never);
            let Ok(place) = &link.found else { break };
            let is_link = place.stat.is(libc::S_IFLNK);
            if !is_link || self.kind(&view, place) != Some(Kind::Ordinary) {
                break;
            }
            let Ok(target) = self.read_link(&place.fd, b"") else { break };
            let directory = link.path.iter().rposition(|&byte| byte == b'/').unwrap_or_default();
            path = match target.first() {
                Some(b'/') => target,
                // Not without its `..`: those of symlinks lead elsewhere.
                _ => [&link.path[..directory], b"/", &target].concat(),
            };
            links.push(link.path);
        }
        links
    }
}
