//! The console: pages, components, islands and server functions.
//!
//! Pages are rendered on the server and never run in the browser, so they are compiled for the
//! server only. What does run in the browser are the islands, and they use nothing but `domain`.

// Views are types as deep as the page.
#![recursion_limit = "256"]

pub mod islands;

#[cfg(feature = "ssr")]
mod actions;
#[cfg(feature = "ssr")]
mod forms;
#[cfg(feature = "ssr")]
mod help;
#[cfg(feature = "ssr")]
mod icon;
#[cfg(feature = "ssr")]
mod layout;
#[cfg(feature = "ssr")]
mod navigation;
#[cfg(feature = "ssr")]
mod once;
#[cfg(feature = "ssr")]
mod pages;
#[cfg(feature = "ssr")]
mod roster;
#[cfg(feature = "ssr")]
mod shell;
#[cfg(feature = "ssr")]
pub mod ssr;
#[cfg(feature = "ssr")]
mod switcher;
#[cfg(feature = "ssr")]
mod ui;

#[cfg(feature = "ssr")]
pub use shell::{App, shell};
