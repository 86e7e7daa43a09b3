//! Where a probe listens.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// The address of a probe, `HOST:PORT` or `unix:PATH` as people write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A TCP port.
    Tcp {
        /// Name or address of the machine; an IPv6 address has no brackets here.
        host: String,
        /// Port; 0 lets a listener choose one.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Neither `HOST:PORT` nor `unix:PATH`.
    #[error("expected HOST:PORT or unix:PATH")]
    Form,
    /// The port is not a number from 0 to 65535.
    #[error("{0:?} is no port: expected a number from 0 to 65535")]
    Port(String),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() {
                Err(AddressError::Form)
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::Form)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bare {
            Some(bare) => bare,
            None if host.contains(':') => return Err(AddressError::Form),
            None => host,
        };
        if host.is_empty() {
            return Err(AddressError::Form);
        }
        let port = port.parse().map_err(|_| AddressError::Port(port.to_owned()))?;
        Ok(Self::Tcp { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_they_are_written() {
        for text in ["localhost:5678", "127.0.0.1:0", "[::1]:5678", "unix:/run/probe", "unix:a:1"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let form = Err(AddressError::Form);
        for text in ["", "localhost", ":5678", "::1:5678", "unix:", "[]:1", "/run/probe"] {
            assert_eq!(text.parse::<Address>(), form, "{text}");
        }
        for port in ["", "x", "65536", "-1", "5678 "] {
            let error = Err(AddressError::Port(port.to_owned()));
            assert_eq!(format!("localhost:{port}").parse::<Address>(), error);
        }
    }
}
