//! Versions, and constraints on them as `agent_version` has them.

use std::fmt;
use std::str::FromStr;

/// A version; what follows the three numbers does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Version {
    pub major: u64,
    pub minor: u64,
    pub patch: u64,
}

impl Version {
    /// From its parts.
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self { major, minor, patch }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// `>= 7.65 <7.70 || 8`: alternatives, each of comparisons that all have to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Constraint(Vec<Vec<(Comparison, Partial)>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    /// `~1.2.3`: the patch may be higher.
    Patch,
    /// `^1.2.3`: the minor version may be higher.
    Compatible,
}

/// A version of which minor and patch may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Partial {
    version: Version,
    parts: usize,
}

const COMPARISONS: [(&str, Comparison); 10] = [
    (">=", Comparison::GreaterEqual),
    ("<=", Comparison::LessEqual),
    ("!=", Comparison::NotEqual),
    ("==", Comparison::Equal),
    ("=", Comparison::Equal),
    (">", Comparison::Greater),
    ("<", Comparison::Less),
    ("~", Comparison::Patch),
    ("^", Comparison::Compatible),
    ("", Comparison::Equal),
];

impl Constraint {
    pub(super) fn allows(&self, version: Version) -> bool {
        let holds =
            |(comparison, partial): &(_, Partial)| comparison_holds(*comparison, version, *partial);
        self.0.iter().any(|all| all.iter().all(holds))
    }
}

impl FromStr for Constraint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split("||").map(comparisons).collect::<Result<_, _>>().map(Self)
    }
}

fn comparisons(text: &str) -> Result<Vec<(Comparison, Partial)>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches([' ', ',']);
    while !rest.is_empty() {
        let operator = COMPARISONS.iter().find_map(|(operator, comparison)| {
            rest.strip_prefix(operator).map(|rest| (*comparison, rest.trim_start()))
        });
        let Some((comparison, after)) = operator else { break };
        let end = after.find([' ', ',', '<', '>', '=', '!']).unwrap_or(after.len());
        let (version, after) = after.split_at(end);
        found.push((comparison, version.parse()?));
        rest = after.trim_start_matches([' ', ',']);
    }
    if found.is_empty() { Err("a version is missing".into()) } else { Ok(found) }
}

fn comparison_holds(comparison: Comparison, version: Version, partial: Partial) -> bool {
    let wanted = partial.version;
    let same = |parts: usize| {
        (parts < 1 || version.major == wanted.major)
            && (parts < 2 || version.minor == wanted.minor)
            && (parts < 3 || version.patch == wanted.patch)
    };
    match comparison {
        Comparison::Equal => same(partial.parts),
        Comparison::NotEqual => !same(partial.parts),
        Comparison::Less => version < wanted,
        Comparison::GreaterEqual => version >= wanted,
        Comparison::LessEqual => version <= wanted || same(partial.parts),
        Comparison::Greater => version > wanted && !same(partial.parts),
        Comparison::Patch => version >= wanted && same(partial.parts.min(2)),
        Comparison::Compatible => version >= wanted && same(1),
    }
}

impl FromStr for Partial {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no version");
        let numbers = text.trim_start_matches('v').split(['-', '+']).next().unwrap_or_default();
        let mut found = [0; 3];
        let mut parts = 0;
        for part in numbers.split('.') {
            *found.get_mut(parts).ok_or_else(bad)? = part.parse().map_err(|_| bad())?;
            parts += 1;
        }
        let [major, minor, patch] = found;
        Ok(Self { version: Version { major, minor, patch }, parts })
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(|partial: Partial| partial.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints() {
        let cases = [
            (">= 7.65", "7.65.0", true),
            (">=7.65", "7.64.9", false),
            ("< 7.71", "7.70.3", true),
            ("< 7.71", "7.71.0-rc.2", false),
            (">= 7.65 <7.70", "7.69.1", true),
            (">= 7.65 <7.70", "7.70.0", false),
            (">=7.65,<7.70", "7.64.0", false),
            (">=7.65<7.70", "7.66.0", true),
            ("> 7.65", "7.65.3", false),
            ("> 7.65", "7.66.0", true),
            ("<= 7.65", "7.65.3", true),
            ("7.65", "7.65.3", true),
            ("= 7.65.1", "7.65.3", false),
            ("!= 7.65", "7.65.3", false),
            ("~7.65.1", "7.65.3", true),
            ("~7.65.1", "7.66.0", false),
            ("^7.65", "7.90.0", true),
            ("^7.65", "8.0.0", false),
            ("< 7 || >= 7.70.1", "7.70.1", true),
            ("< 7 || >= 7.70.1", "7.70.0", false),
        ];
        for (constraint, version, expected) in cases {
            let allows = constraint.parse::<Constraint>().unwrap().allows(version.parse().unwrap());
            assert_eq!(allows, expected, "{constraint} {version}");
        }
        for text in ["", ">=", "seven", ">= 7.x", "1.2.3.4", ">> 7", "|| 7"] {
            text.parse::<Constraint>().unwrap_err();
        }
    }
}
