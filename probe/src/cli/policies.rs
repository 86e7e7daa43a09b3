//! Options about policies, which several commands have.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use sentrace_probe::output::text::{Look, Painting};
use sentrace_probe::rules::{self, Diagnostic, HostModel, RuleSet, Severity, Source};
use sentrace_yaml::MAX_SIZE;

/// Which rules.
#[derive(Debug, Args)]
pub(super) struct Policies {
    /// Policy file, or directory with *.policy files; may be repeated (default: the rules that
    /// come with sentrace)
    #[arg(long = "policy", value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Refuse policies with errors, instead of leaving out the rules that are wrong
    #[arg(long)]
    pub(super) strict: bool,
}

/// What came of policies.
pub(super) struct Loaded {
    /// The rules that can be used.
    pub(super) rules: RuleSet,
    pub(super) errors: usize,
    pub(super) warnings: usize,
}

impl Policies {
    /// The rules. What is wrong with them is told on stderr.
    pub(super) fn load(&self, host: &HostModel) -> anyhow::Result<RuleSet> {
        let Loaded { rules, errors, .. } = self.check(host)?;
        if errors > 0 && self.strict {
            bail!("the policies have errors: {errors}");
        }
        tracing::info!("{} rules, {errors} errors", rules.rules().len());
        Ok(rules)
    }

    /// The same, whatever is wrong.
    pub(super) fn check(&self, host: &HostModel) -> anyhow::Result<Loaded> {
        let mut sources = Vec::new();
        for path in &self.paths {
            read(path, &mut sources)?;
        }
        if self.paths.is_empty() {
            sources.push(rules::default_policy());
        }
        let (rules, diagnostics) = rules::load(&sources, host);
        tell(&diagnostics);
        let is_error = |of: &&Diagnostic| of.severity == Severity::Error;
        let errors = diagnostics.iter().filter(is_error).count();
        Ok(Loaded { rules, errors, warnings: diagnostics.len() - errors })
    }
}

fn tell(diagnostics: &[Diagnostic]) {
    let stderr = io::stderr();
    let look = Look::of(&stderr);
    for diagnostic in diagnostics {
        let text = match look.paint {
            Painting::Ansi => diagnostic.coloured(),
            Painting::Plain => diagnostic.to_string(),
        };
        // Nobody may be there to read it.
        let _ = writeln!(&stderr, "{text}");
    }
}

/// Reads a file, or the policies of a directory by name.
fn read(path: &Path, sources: &mut Vec<Source>) -> anyhow::Result<()> {
    let name = path.display().to_string();
    if !path.is_dir() {
        let mut bytes = Vec::new();
        let file = File::open(path).with_context(|| name.clone())?;
        let limit = MAX_SIZE as u64 + 1;
        file.take(limit).read_to_end(&mut bytes).with_context(|| name.clone())?;
        let text = String::from_utf8(bytes).with_context(|| name.clone())?;
        sources.push(Source { name, text });
        return Ok(());
    }
    let entries = fs::read_dir(path).with_context(|| name.clone())?;
    let entries = entries.collect::<Result<Vec<_>, _>>().with_context(|| name.clone())?;
    let paths = entries.into_iter().map(|entry| entry.path());
    let is_policy = |path: &PathBuf| path.extension() == Some(OsStr::new("policy"));
    let mut paths: Vec<_> = paths.filter(is_policy).collect();
    if paths.is_empty() {
        bail!("{name}: no *.policy files in this directory");
    }
    paths.sort();
    paths.iter().try_for_each(|path| read(path, sources))
}
