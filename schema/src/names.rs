//! Values of flag sets and enumerations by their names.

use crate::record::{NamedDesc, SetDesc, SetKind};

/// A value as the names it consists of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    /// The enumerations in its bits first, then the flags in the order of the set. For the value 0
    /// its name, if there is one.
    pub names: Vec<&'static str>,
    /// Bits without a name; of an enumeration the whole value, when it has none.
    pub rest: u64,
}

impl SetDesc {
    /// The names of a value on an ABI; `bits` is the value without its sign.
    pub fn name(&self, abi: u16, value: i64, bits: u64) -> Named {
        match self.kind {
            SetKind::Enum => match named(abi, self.values, value) {
                Some(name) => Named { names: vec![name], rest: 0 },
                None => Named { names: Vec::new(), rest: bits },
            },
            SetKind::Flags => self.flags(abi, bits),
        }
    }

    fn flags(&self, abi: u16, bits: u64) -> Named {
        let mut names = Vec::new();
        let mut rest = bits;
        for field in self.fields {
            let mask = field.mask.cast_unsigned();
            let part = (bits & mask).cast_signed();
            if let Some(name) = named(abi, field.values, part) {
                // What a value of 0 is called matters where it is all there is to say.
                if part != 0 || self.fields.len() == 1 {
                    names.push(name);
                }
                rest &= !mask;
            }
        }
        // Names for several bits go before names for one of them.
        let on = |named: &NamedDesc| named.on(abi).unwrap_or_default().cast_unsigned();
        let mut known: Vec<&NamedDesc> =
            self.values.iter().filter(|named| on(named) != 0 && on(named) & !bits == 0).collect();
        known.sort_by_key(|named| std::cmp::Reverse(on(named).count_ones()));
        known.retain(|named| {
            let is_left = on(named) & !rest == 0;
            rest &= if is_left { !on(named) } else { u64::MAX };
            is_left
        });
        let chosen = self
            .values
            .iter()
            .filter(|named| known.iter().any(|known| std::ptr::eq(*known, *named)));
        names.extend(chosen.map(|named| named.name));
        if names.is_empty() && rest == 0 {
            names.extend(named(abi, self.values, 0));
        }
        Named { names, rest }
    }
}

fn named(abi: u16, values: &'static [NamedDesc], value: i64) -> Option<&'static str> {
    values.iter().find(|named| named.on(abi) == Some(value)).map(|named| named.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{MaskedDesc, NamedValue};

    const fn named(name: &'static str, value: i64) -> NamedDesc {
        NamedDesc { name, value: NamedValue::Same(value) }
    }

    const OPEN: SetDesc = SetDesc {
        name: "open_flags",
        doc: "",
        kind: SetKind::Flags,
        rules: true,
        fields: &[MaskedDesc {
            name: "O_ACCMODE",
            mask: 3,
            values: &[named("O_RDONLY", 0), named("O_WRONLY", 1)],
        }],
        values: &[
            named("O_CREAT", 0o100),
            named("O_DSYNC", 0o10000),
            named("O_SYNC", 0o4_010_000),
            NamedDesc {
                name: "O_DIRECT",
                value: NamedValue::PerAbi(&[Some(0o40000), Some(0o200_000), None]),
            },
        ],
    };

    fn check(abi: u16, value: i64, names: &[&str], rest: u64) {
        let named = OPEN.name(abi, value, value.cast_unsigned());
        assert_eq!((named.names.as_slice(), named.rest), (names, rest), "{value:#o} on {abi}");
    }

    #[test]
    fn flags() {
        check(0, 0, &["O_RDONLY"], 0);
        check(0, 0o101, &["O_WRONLY", "O_CREAT"], 0);
        check(0, 0o4_010_001, &["O_WRONLY", "O_SYNC"], 0);
        check(0, 0o10_000, &["O_RDONLY", "O_DSYNC"], 0);
        check(0, 0o40_000, &["O_RDONLY", "O_DIRECT"], 0);
        check(1, 0o40_000, &["O_RDONLY"], 0o40_000);
        check(2, 0o40_000, &["O_RDONLY"], 0o40_000);
        check(0, 0o103, &["O_CREAT"], 3);
    }

    #[test]
    fn enumerations() {
        const VALUES: &[NamedDesc] = &[named("AF_UNIX", 1)];
        let family = SetDesc { kind: SetKind::Enum, fields: &[], values: VALUES, ..OPEN };
        assert_eq!(family.name(0, 1, 1), Named { names: vec!["AF_UNIX"], rest: 0 });
        assert_eq!(family.name(0, -1, 0xFFFF_FFFF), Named { names: vec![], rest: 0xFFFF_FFFF });
    }
}
