//! One file a command.

pub(crate) mod claims;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod convert;
pub(crate) mod demo;
pub(crate) mod measure;
pub(crate) mod model;
pub(crate) mod sample;
pub(crate) mod train;
pub(crate) mod view;
