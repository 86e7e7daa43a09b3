//! Constants of rules that belong to no argument of a system call.

/// The value of a constant.
pub(super) fn value(name: &str) -> Option<i64> {
    all().find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// The names of all constants.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    all().map(|(name, _)| name)
}

fn all() -> impl Iterator<Item = (&'static str, i64)> {
    let named = NAMED.iter().copied();
    let numbered = NUMBERED.iter().flat_map(|names| names.iter().copied().zip(0..));
    named.chain(numbered)
}

/// Names of the values 0, 1, 2, …
const NUMBERED: &[&[&str]] = &[
    // exit.cause
    &["EXITED", "COREDUMPED", "SIGNALED"],
    // X.file.metadata.abi
    &["UNKNOWN_ABI", "BIT32", "BIT64"],
    // X.file.metadata.architecture
    &["UNKNOWN_ARCHITECTURE", "X86", "X86_64", "ARM", "ARM64"],
    // X.file.metadata.compression; the name of the value 4 starts with a digit
    &["NONE", "GZIP", "ZIP", "ZSTD"],
    // X.file.metadata.type
    &[
        "EMPTY",
        "SHELL_SCRIPT",
        "TEXT",
        "COMPRESSED",
        "ENCRYPTED",
        "BINARY",
        "LINUX_EXECUTABLE",
        "WINDOWS_EXECUTABLE",
        "MACOS_EXECUTABLE",
        "FILE_LESS",
    ],
    // X.file.metadata.linkage
    &["NONE", "STATIC", "DYNAMIC"],
    // process.user_session.session_type
    &["UNKNOWN", "K8S", "SSH"],
    // dns.response.code (RFC 1035, RFC 2136)
    &[
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
        "NXRRSET", "NOTAUTH", "NOTZONE",
    ],
];

const NAMED: &[(&str, i64)] = &[
    ("AUDIT_AUID_UNSET", 0xFFFF_FFFF),
    ("BZIP2", 5),
    ("XZ", 6),
    ("EGRESS", 1),
    ("INGRESS", 2),
    ("SYSCTL_READ", 1),
    ("SYSCTL_WRITE", 2),
    // linux/pipe_fs_i.h
    ("PIPE_BUF_FLAG_LRU", 0x01),
    ("PIPE_BUF_FLAG_ATOMIC", 0x02),
    ("PIPE_BUF_FLAG_GIFT", 0x04),
    ("PIPE_BUF_FLAG_PACKET", 0x08),
    ("PIPE_BUF_FLAG_CAN_MERGE", 0x10),
    ("PIPE_BUF_FLAG_WHOLE", 0x20),
    ("PIPE_BUF_FLAG_LOSS", 0x40),
    // linux/if_ether.h
    ("ETH_P_IP", 0x0800),
    ("ETH_P_ARP", 0x0806),
    ("ETH_P_8021Q", 0x8100),
    ("ETH_P_IPV6", 0x86DD),
    // IANA protocol numbers
    ("IP_PROTO_IP", 0),
    ("IP_PROTO_ICMP", 1),
    ("IP_PROTO_IGMP", 2),
    ("IP_PROTO_IPIP", 4),
    ("IP_PROTO_TCP", 6),
    ("IP_PROTO_EGP", 8),
    ("IP_PROTO_IGP", 9),
    ("IP_PROTO_PUP", 12),
    ("IP_PROTO_UDP", 17),
    ("IP_PROTO_IDP", 22),
    ("IP_PROTO_TP", 29),
    ("IP_PROTO_DCCP", 33),
    ("IP_PROTO_IPV6", 41),
    ("IP_PROTO_RSVP", 46),
    ("IP_PROTO_GRE", 47),
    ("IP_PROTO_ESP", 50),
    ("IP_PROTO_AH", 51),
    ("IP_PROTO_ICMPV6", 58),
    ("IP_PROTO_MTP", 92),
    ("IP_PROTO_BEETPH", 94),
    ("IP_PROTO_ENCAP", 98),
    ("IP_PROTO_PIM", 103),
    ("IP_PROTO_COMP", 108),
    ("IP_PROTO_SCTP", 132),
    ("IP_PROTO_UDPLITE", 136),
    ("IP_PROTO_MPLS", 137),
    ("IP_PROTO_RAW", 255),
    // IANA DNS parameters
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("HINFO", 13),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("NAPTR", 35),
    ("DS", 43),
    ("RRSIG", 46),
    ("NSEC", 47),
    ("DNSKEY", 48),
    ("TLSA", 52),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("AXFR", 252),
    ("ANY", 255),
    ("CAA", 257),
    ("CLASS_INET", 1),
    ("CLASS_CSNET", 2),
    ("CLASS_CHAOS", 3),
    ("CLASS_HESIOD", 4),
    ("CLASS_NONE", 254),
    ("CLASS_ANY", 255),
    // RFC 6101, RFC 8446
    ("SSL_2_0", 0x0200),
    ("SSL_3_0", 0x0300),
    ("TLS_1_0", 0x0301),
    ("TLS_1_1", 0x0302),
    ("TLS_1_2", 0x0303),
    ("TLS_1_3", 0x0304),
    // RFC 792, RFC 4443
    ("ICMP_ECHO_REPLY", 0),
    ("ICMP_DEST_UNREACH", 3),
    ("ICMP_REDIRECT", 5),
    ("ICMP_ECHO_REQUEST", 8),
    ("ICMP_TIME_EXCEEDED", 11),
    ("ICMP_V6_DEST_UNREACH", 1),
    ("ICMP_V6_TIME_EXCEEDED", 3),
    ("ICMP_V6_ECHO_REQUEST", 128),
    ("ICMP_V6_ECHO_REPLY", 129),
];
