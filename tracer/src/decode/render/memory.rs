//! What arguments point to: texts, buffers, arrays, structures.

use sentrace_schema::wire::UNREADABLE;

use super::{Style, address, value};
use crate::decode::pointee::Pointees;
use crate::decode::sockaddr;
use crate::decode::table::{Count, Dir, MemberDesc, Scalar, StructDesc, Type};
use crate::memory::{self, Partial, TEXT_MAX, number_in};

/// What an argument points to; its address where nothing can be read. At exit `result` is what
/// the call returned, which must be a success.
pub(super) fn pointee(at: Pointees<'_>, arg: u8, result: Option<i64>, style: Style) -> String {
    let addr = at.arguments.bits(arg);
    let unknown = || value::pointer(addr);
    let Some(ty) = at.ty(arg).filter(|_| addr != 0) else { return unknown() };
    match ty {
        Type::Path { .. } => text(&at.text(arg, TEXT_MAX), addr),
        Type::String => text(&at.text(arg, shown(style)), addr),
        Type::Strings => texts(&at.texts(arg), addr, style),
        Type::Bytes { len } => {
            let len = written(at.length(len).value, at.dir(arg), result);
            text(&at.bytes(arg, len, style.text_max), addr)
        }
        Type::Sockaddr { len } => {
            let len = at.length(len).value;
            let bytes = at.bytes(arg, len, sockaddr::MAX);
            if bytes.value.len() < 2 { unknown() } else { address::sockaddr(&bytes.value) }
        }
        Type::ScalarPtr(scalar, count) => {
            let count = elements(at, arg, count, result);
            numbers(at, arg, scalar, &count, style).unwrap_or_else(unknown)
        }
        Type::StructPtr(of, Count::Fixed(1)) => {
            let count = Partial::whole(1);
            let one = structs(at, arg, of, &count, result, style);
            one.map_or_else(unknown, |one| one.concat())
        }
        Type::StructPtr(of, count) => {
            // The result of readv(2) counts bytes.
            let result_of = result.filter(|_| of.name != "iovec");
            let count = elements(at, arg, count, result_of);
            let all = structs(at, arg, of, &count, result, style);
            all.map_or_else(unknown, |all| {
                let is_cut = !count.is_whole() || all.len() < count.value;
                list(all, is_cut)
            })
        }
        Type::Opaque { .. } | Type::Scalar(_) => unknown(),
    }
}

/// Joins what an argument pointed to before the call with what it points to after.
pub(super) fn merge(before: &mut String, after: &str) {
    if before == after {
        return;
    }
    let inner = |text: &str| Some(text.strip_prefix('[')?.strip_suffix(']')?.to_owned());
    *before = match (inner(before), inner(after)) {
        (Some(was), Some(is)) => format!("[{was} => {is}]"),
        _ => format!("{before} => {after}"),
    };
}

/// How many bytes of a buffer mean something: of what the kernel wrote, as many as it says.
fn written(len: u64, dir: Option<Dir>, result: Option<i64>) -> u64 {
    match (dir, result) {
        (Some(Dir::Out), Some(result)) => len.min(u64::try_from(result).unwrap_or_default()),
        _ => len,
    }
}

/// How many elements of an array mean something.
fn elements(at: Pointees<'_>, arg: u8, count: Count, result: Option<i64>) -> Partial<usize> {
    let all = at.count(count);
    match (count, at.dir(arg), result) {
        (Count::Arg(_), Some(Dir::Out), Some(result)) => {
            all.map(|all| all.min(usize::try_from(result).unwrap_or_default()))
        }
        _ => all,
    }
}

fn text(text: &Partial<Vec<u8>>, addr: u64) -> String {
    match text.value.as_slice() {
        [] if text.marks & UNREADABLE != 0 => value::pointer(addr),
        value => quoted(value) + if text.is_whole() { "" } else { "..." },
    }
}

/// How much of a text is written that is neither a buffer nor a path.
fn shown(style: Style) -> usize {
    style.text_max.max(256)
}

fn texts(texts: &Partial<Vec<Vec<u8>>>, addr: u64, style: Style) -> String {
    if texts.value.is_empty() && !texts.is_whole() {
        return value::pointer(addr);
    }
    let is_cut = !texts.is_whole() || texts.value.len() > style.elements_max;
    let max = shown(style);
    let all = texts.value.iter().take(style.elements_max).map(|text| match text.get(..max) {
        Some(start) if start.len() < text.len() => quoted(start) + "...",
        _ => quoted(text),
    });
    list(all.collect(), is_cut)
}

fn numbers(
    at: Pointees<'_>,
    arg: u8,
    scalar: Scalar,
    count: &Partial<usize>,
    style: Style,
) -> Option<String> {
    let shown = count.value.min(style.elements_max);
    let numbers = at.numbers(arg, scalar, shown);
    if numbers.value.is_empty() && !numbers.is_whole() {
        return None;
    }
    let abi = at.arguments.abi;
    let width = scalar.width(at.arguments.layout());
    let is_cut = !count.is_whole() || numbers.value.len() < count.value;
    let bits = |number: i64| width.zero_extend(number.cast_unsigned());
    let shown = numbers.value.iter().map(|one| value::number(abi, scalar, *one, bits(*one)));
    Some(list(shown.collect(), is_cut))
}

/// Structures of an array, as many as are shown; `None` if not even one can be read.
fn structs(
    at: Pointees<'_>,
    arg: u8,
    of: &StructDesc,
    count: &Partial<usize>,
    result: Option<i64>,
    style: Style,
) -> Option<Vec<String>> {
    let size = of.size.on(at.arguments.abi) as usize;
    let shown = count.value.min(style.elements_max);
    let bytes = at.bytes(arg, (size * shown) as u64, size * shown);
    if size == 0 || (bytes.value.len() < size && shown > 0) {
        return None;
    }
    // What the vector of readv(2) points to is filled in order.
    let mut left = result.map_or(u64::MAX, |result| u64::try_from(result).unwrap_or_default());
    let all = bytes.value.chunks_exact(size).map(|bytes| match of.name {
        "iovec" => iovec(at, of, bytes, &mut left, style).unwrap_or_default(),
        _ => one(at, of, bytes),
    });
    Some(all.collect())
}

/// A structure by its members.
fn one(at: Pointees<'_>, of: &StructDesc, bytes: &[u8]) -> String {
    let (abi, layout) = (at.arguments.abi, at.arguments.layout());
    let members = of.members.iter().filter(|member| member.count.is_none()).map(|member| {
        let width = member.ty.width(layout);
        let bits = number_in(bytes, member.offset.on(abi) as usize, width).unwrap_or_default();
        let text = value::number(abi, member.ty, member.ty.number(bits, width), bits);
        format!("{}={text}", member.name)
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
}

/// A part of a scattered buffer, with what it points to.
fn iovec(
    at: Pointees<'_>,
    of: &StructDesc,
    bytes: &[u8],
    left: &mut u64,
    style: Style,
) -> Option<String> {
    let [base, len] = of.members else { return None };
    let number = |member: &MemberDesc| {
        let width = member.ty.width(at.arguments.layout());
        number_in(bytes, member.offset.on(at.arguments.abi) as usize, width)
    };
    let (base, len) = (number(base)?, number(len)?);
    let used = len.min(*left);
    *left -= used;
    let content = text(&memory::bytes(at.memory, base, used, style.text_max), base);
    Some(format!("{{iov_base={content}, iov_len={len}}}"))
}

fn list(mut texts: Vec<String>, is_cut: bool) -> String {
    if is_cut {
        texts.push("...".into());
    }
    format!("[{}]", texts.join(", "))
}

/// Text in quotes. What is not printable ASCII is escaped as in C, in as few octal digits as the
/// next character allows.
pub(super) fn quoted(text: &[u8]) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for (index, byte) in text.iter().enumerate() {
        match byte {
            b'"' => quoted.push_str("\\\""),
            b'\\' => quoted.push_str("\\\\"),
            b'\n' => quoted.push_str("\\n"),
            b'\t' => quoted.push_str("\\t"),
            b'\r' => quoted.push_str("\\r"),
            0x0b => quoted.push_str("\\v"),
            0x0c => quoted.push_str("\\f"),
            b' '..=b'~' => quoted.push(char::from(*byte)),
            byte => {
                let is_digit_next = matches!(text.get(index + 1), Some(b'0'..=b'7'));
                let digits =
                    if is_digit_next { format!("\\{byte:03o}") } else { format!("\\{byte:o}") };
                quoted.push_str(&digits);
            }
        }
    }
    quoted.push('"');
    quoted
}
