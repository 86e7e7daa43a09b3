//! Takes secrets out of arguments and environment variables before anybody is shown them.
//!
//! What counts as one is listed in docs/json.md: values whose name says so ([`WORDS`]), and values
//! that look like one ([`SHAPES`]). Programs have other ways to be told a secret, which nobody can
//! know by looking (`mysql -pSECRET`).

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

/// Stands for a secret.
pub(super) const HIDDEN: &[u8] = b"********";

/// Parts of names, without regard to case, whose values are secrets; `_` and `-` in them may be
/// missing or the other.
const WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "api_key",
    "access_key",
    "private_key",
    "mysql_pwd",
];

/// Secrets by their form; the part `secret` is replaced.
const SHAPES: &[&str] = &[
    // user and password of a URL
    r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@]*:(?<secret>[^\s/@]+)@",
    // HTTP authentication
    r"(?i)authorization:\s*(?:[a-z]+\s+)?(?<secret>\S+)",
    r"(?i)\bbearer\s+(?<secret>[A-Za-z0-9._~+/=-]{8,})",
    // keys and tokens of AWS, GitHub, GitLab, Slack, Google, and signed web tokens (RFC 7519)
    r"\b(?<secret>(?:AKIA|ASIA)[A-Z0-9]{16})\b",
    r"\b(?<secret>gh[opsru]_[A-Za-z0-9]{36,})",
    r"\b(?<secret>github_pat_[A-Za-z0-9_]{22,})",
    r"\b(?<secret>glpat-[A-Za-z0-9_-]{20,})",
    r"\b(?<secret>xox[abeprs]-[A-Za-z0-9-]{10,})",
    r"\b(?<secret>AIza[A-Za-z0-9_-]{35})",
    r"\b(?<secret>eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)",
];

/// The elements of a list without their secrets.
pub(super) fn list<'a>(
    elements: impl Iterator<Item = &'a [u8]>,
) -> impl Iterator<Item = Cow<'a, [u8]>> {
    let mut is_value = false;
    elements.map(move |element| {
        let is_hidden = is_value && !element.starts_with(b"-");
        is_value = element.starts_with(b"-") && OPTION.is_match(element);
        if is_hidden { HIDDEN.into() } else { text(element) }
    })
}

/// A text without its secrets.
pub(super) fn text(text: &[u8]) -> Cow<'_, [u8]> {
    if !SUSPECT.is_match(text) {
        return text.into();
    }
    SECRETS.iter().fold(text.into(), |text, secret| replace(secret, text))
}

fn replace<'a>(secret: &Regex, text: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
    if !secret.is_match(&text) {
        return text;
    }
    let hide = |found: &Captures<'_>| {
        let whole = found.get(0).map_or(0..0, |all| all.range());
        let secret = found.name("secret").map_or(whole.clone(), |secret| secret.range());
        [&text[whole.start..secret.start], HIDDEN, &text[secret.end..whole.end]].concat()
    };
    secret.replace_all(&text, hide).into_owned().into()
}

/// Whether there may be a secret in a text. Most have none, and this is all they cost.
static SUSPECT: LazyLock<Regex> = LazyLock::new(|| {
    let marks = "://|authorization|bearer|akia|asia|gh[opsru]_|github_|glpat-|xox|aiza|eyj";
    compile(&format!("(?i:{}|{marks})", words()))
});

/// An option whose value is the next argument: `--password`.
static OPTION: LazyLock<Regex> = LazyLock::new(|| compile(&format!(r"\A--?{}\z", name())));

/// All secrets: options with a value (which is all of the rest), options and names within a text
/// such as a script (up to the next space, or the end of the quotes), and forms.
static SECRETS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let name = name();
    let value = r#""[^"]*"|'[^']*'|[^\s"'&;|]+"#;
    let option = format!(r"\A--?{name}=(?<secret>.+)\z");
    let inner_option =
        format!(r#"\s--?{name}\s+(?<secret>"[^"]*"|'[^']*'|[^\s"'&;|-][^\s"'&;|]*)"#);
    let named = format!(r#"{name}["']?(?:=|:\s*|\s*=>\s*)(?<secret>{value})"#);
    let names = [option, inner_option, named];
    names.iter().map(String::as_str).chain(SHAPES.iter().copied()).map(compile).collect()
});

/// A name with one of [`WORDS`] in it.
fn name() -> String {
    format!("(?i:[a-z0-9_.-]*(?:{})[a-z0-9_.-]*)", words())
}

/// One of [`WORDS`].
fn words() -> String {
    let words: Vec<_> = WORDS.iter().map(|word| word.replace('_', "[_-]?")).collect();
    words.join("|")
}

/// A pattern of bytes.
fn compile(pattern: &str) -> Regex {
    Regex::new(&format!("(?s-u){pattern}")).expect("the patterns are constants, and tested")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str], expected: &[&str]) {
        let scrubbed: Vec<_> = list(arguments.iter().map(|text| text.as_bytes()))
            .map(|text| String::from_utf8(text.into_owned()).unwrap())
            .collect();
        assert_eq!(scrubbed, expected);
    }

    #[test]
    fn secrets_by_name() {
        check(&["--password=a b", "x"], &["--password=********", "x"]);
        check(&["--password", "secret1", "x"], &["--password", "********", "x"]);
        check(&["--password", "--force"], &["--password", "--force"]);
        check(&["-token", "abc"], &["-token", "********"]);
        check(&["--db-Passwd=x"], &["--db-Passwd=********"]);
        check(
            &["PGPASSWORD=x", "AWS_SECRET_ACCESS_KEY=y"],
            &["PGPASSWORD=********", "AWS_SECRET_ACCESS_KEY=********"],
        );
        check(&["--apiKey=1", "api-key=2"], &["--apiKey=********", "api-key=********"]);
    }

    #[test]
    fn secrets_in_scripts() {
        check(
            &["-c", "MYSQL_PWD=x mysql; TOKEN='a b' curl"],
            &["-c", "MYSQL_PWD=******** mysql; TOKEN=******** curl"],
        );
        check(&[r#"{"password": "x", "user": "y"}"#], &[r#"{"password": ********, "user": "y"}"#]);
        check(
            &["mysql --password x -u joe; curl -v --token 'a b'"],
            &["mysql --password ******** -u joe; curl -v --token ********"],
        );
        check(&["url?a=1&access_token=zzz&b=2"], &["url?a=1&access_token=********&b=2"]);
    }

    #[test]
    fn secrets_by_form() {
        check(&["https://joe:pw@host/x"], &["https://joe:********@host/x"]);
        check(&["-H", "Authorization: Basic am9l"], &["-H", "Authorization: Basic ********"]);
        check(&["AKIAIOSFODNN7EXAMPLE"], &["********"]);
        let token = format!("ghp_{}", "a".repeat(36));
        check(&[&format!("git clone {token}")], &["git clone ********"]);
    }

    #[test]
    fn everything_else_stays() {
        let plain =
            ["--user=joe", "--color", "always", "https://host:80/x@y", "a=b", "-p", "", "passwd"];
        check(&plain, &plain);
    }

    #[test]
    fn what_counts_is_documented() {
        let manual = include_str!("../../../docs/json.md");
        assert!(WORDS.iter().all(|word| manual.contains(&format!("`{word}`"))));
    }

    #[test]
    fn bytes_that_are_no_text() {
        assert_eq!(&*text(b"--token=\xff\n\xfe"), b"--token=********");
        assert_eq!(&*text(b"\xff\xfe://"), b"\xff\xfe://");
    }
}
