//! Scripts: the kernel runs the interpreter that a `#!` line names; see execve(2).

use super::view::{Place, View};
use super::{FileFacts, Follow, Resolver, Start, read};

/// Bytes of a file that the kernel looks at (`BINPRM_BUF_SIZE`, linux/binfmts.h).
const LINE_MAX: u64 = 256;

/// A `#!` line.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    interpreter: Vec<u8>,
    argument: Option<Vec<u8>>,
}

impl Resolver {
    /// The script that a process runs, judged by its arguments: the kernel makes them
    /// `INTERPRETER [ARGUMENT] SCRIPT …`. The interpreter of that script must be the program that
    /// runs. (A shell that was given a script with its own `#!` line looks the same.)
    pub(super) fn script(
        &self,
        view: &View,
        exe: &FileFacts,
        argv: &[Vec<u8>],
    ) -> Option<FileFacts> {
        let interpreter = argv.first().filter(|path| path.contains(&b'/'))?;
        (1..argv.len().min(3)).find_map(|at| {
            let path = argv[at].as_slice();
            let script = self.resolve_in(view, Start::Cwd, path, Follow::Last);
            let line = self.line(view, script.found.as_ref().ok()?)?;
            let is_argument = match at {
                1 => line.argument.is_none(),
                _ => line.argument.as_ref() == Some(&argv[1]),
            };
            if !is_argument || line.interpreter != *interpreter {
                return None;
            }
            let named = self.resolve_in(view, Start::Cwd, &line.interpreter, Follow::Last);
            let named = self.facts(view, named);
            let is_running =
                named.miss.is_none() && (named.inode, named.mount_id) == (exe.inode, exe.mount_id);
            is_running.then(|| self.facts(view, script))
        })
    }

    /// The `#!` line of a file.
    fn line(&self, view: &View, found: &Place) -> Option<Line> {
        if !self.is_readable(view, found) {
            return None;
        }
        parse(&read(self.reopen(found).ok()?, LINE_MAX).ok()?)
    }
}

/// Interpreter and, in one piece, everything after it.
fn parse(text: &[u8]) -> Option<Line> {
    let line = text.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let line = line.trim_ascii();
    let end = line.iter().position(is_blank).unwrap_or(line.len());
    let argument = line[end..].trim_ascii();
    let interpreter = line[..end].to_vec();
    let argument = (!argument.is_empty()).then(|| argument.to_vec());
    (!interpreter.is_empty()).then_some(Line { interpreter, argument })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let check = |text: &str, expect: Option<(&str, Option<&str>)>| {
            let expect = expect.map(|(interpreter, argument)| Line {
                interpreter: interpreter.into(),
                argument: argument.map(Into::into),
            });
            assert_eq!(parse(text.as_bytes()), expect, "{text:?}");
        };
        check("#!/bin/sh\necho", Some(("/bin/sh", None)));
        check("#! \t /bin/sh \t\n", Some(("/bin/sh", None)));
        check("#!/usr/bin/env python3 -u  x \n", Some(("/usr/bin/env", Some("python3 -u  x"))));
        check("#!/bin/sh", Some(("/bin/sh", None)));
        check("#!\n/bin/sh", None);
        check("#!  ", None);
        check("#", None);
        check("", None);
        check("\x7fELF", None);
    }
}
