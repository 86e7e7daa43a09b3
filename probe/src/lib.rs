//! Receives events, keeps the process tree, evaluates rules, raises alerts.

pub mod actions;
pub mod config;
pub mod fields;
pub mod output;
pub mod pipeline;
pub mod rules;
pub mod secl;
pub mod server;
pub mod tree;
