//! Single values in Cap'n Proto messages, for the generated conversions.

use std::net::IpAddr;

use capnp::{data_list, primitive_list};

use super::{Error, MAX_LIST};

pub(crate) fn strings(from: data_list::Reader<'_>) -> Result<Vec<Vec<u8>>, Error> {
    limited("a list of texts", from.len() as usize, MAX_LIST)?;
    from.iter().map(|text| Ok(text?.to_vec())).collect()
}

pub(crate) fn write_strings<'a>(
    texts: &[Vec<u8>],
    init: impl FnOnce(u32) -> data_list::Builder<'a>,
) -> Result<(), Error> {
    let mut list = init(limited("a list of texts", texts.len(), MAX_LIST)?);
    for (index, text) in (0..).zip(texts) {
        list.set(index, text);
    }
    Ok(())
}

pub(crate) fn ints(from: primitive_list::Reader<'_, i64>) -> Result<Vec<i64>, Error> {
    limited("a list of numbers", from.len() as usize, MAX_LIST)?;
    Ok(from.iter().collect())
}

pub(crate) fn write_ints<'a>(
    numbers: &[i64],
    init: impl FnOnce(u32) -> primitive_list::Builder<'a, i64>,
) -> Result<(), Error> {
    let mut list = init(limited("a list of numbers", numbers.len(), MAX_LIST)?);
    for (index, number) in (0..).zip(numbers) {
        list.set(index, *number);
    }
    Ok(())
}

pub(crate) fn ip(from: &[u8]) -> Result<Option<IpAddr>, Error> {
    match (from, <[u8; 4]>::try_from(from), <[u8; 16]>::try_from(from)) {
        ([], ..) => Ok(None),
        (_, Ok(v4), _) => Ok(Some(v4.into())),
        (_, _, Ok(v6)) => Ok(Some(v6.into())),
        _ => Err(Error::Address(from.len())),
    }
}

pub(crate) fn write_ip(ip: IpAddr, set: impl FnOnce(&[u8])) {
    match ip {
        IpAddr::V4(ip) => set(&ip.octets()),
        IpAddr::V6(ip) => set(&ip.octets()),
    }
}

/// The length of a list, if it is within its limit.
pub(crate) fn limited(what: &'static str, count: usize, limit: usize) -> Result<u32, Error> {
    match u32::try_from(count) {
        Ok(length) if count <= limit => Ok(length),
        _ => Err(Error::TooMany { what, count, limit }),
    }
}
