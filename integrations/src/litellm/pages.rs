//! Lists a page at a time, for instances whose teams or users should not be held at once.

use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::client::LiteLlm;
use super::error::Error;
use super::model::{KeyInfo, Team, User};
use super::transport::Call;

/// The most that all versions give.
const PAGE_SIZE: u64 = 100;

/// Teams a page at a time. Made by [`LiteLlm::list_teams`].
pub type TeamPages = Pages<Team>;
/// Users a page at a time. Made by [`LiteLlm::list_users`].
pub type UserPages = Pages<User>;
/// Keys a page at a time. Made by [`LiteLlm::key_pages`].
pub type KeyPages = Pages<KeyInfo>;

/// Reads a list a page (of up to 100) at a time, oldest first: what is made meanwhile comes at the end.
#[derive(Debug)]
pub struct Pages<T> {
    litellm: LiteLlm,
    filter: Vec<(&'static str, String)>,
    next_page: u64,
    done: bool,
    total: Option<u64>,
    steady: bool,
    items: PhantomData<fn() -> T>,
}

/// What can be listed.
pub trait Listed: DeserializeOwned + sealed::Sealed {
    #[doc(hidden)]
    const ROUTE: &'static str;
    #[doc(hidden)]
    const SIZE: &'static str;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Team {}
    impl Sealed for super::User {}
    impl Sealed for super::KeyInfo {}
}

impl Listed for Team {
    const ROUTE: &'static str = "/v2/team/list";
    const SIZE: &'static str = "page_size";
}

impl Listed for User {
    const ROUTE: &'static str = "/user/list";
    const SIZE: &'static str = "page_size";
}

impl Listed for KeyInfo {
    const ROUTE: &'static str = "/key/list";
    const SIZE: &'static str = "size";
}

/// One page: `teams`, `users` or `keys`, with `total` or `total_count`.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Page<T> {
    #[serde(alias = "teams", alias = "users", alias = "keys")]
    items: Vec<T>,
    #[serde(alias = "total_count")]
    total: u64,
    #[serde(default)]
    total_pages: u64,
}

impl<T: Listed> Pages<T> {
    pub(super) fn new(litellm: LiteLlm, filter: Vec<(&'static str, String)>) -> Self {
        Self {
            litellm,
            filter,
            next_page: 1,
            done: false,
            total: None,
            steady: true,
            items: PhantomData,
        }
    }

    /// The next page; `None` after the last one. After an error the same page is read again.
    pub async fn next(&mut self) -> Result<Option<Vec<T>>, Error> {
        if self.done {
            return Ok(None);
        }
        let mut call = Call::get(T::ROUTE)
            .with("page", self.next_page.to_string())
            .with(T::SIZE, PAGE_SIZE.to_string())
            .with("sort_by", "created_at")
            .with("sort_order", "asc");
        for (name, value) in &self.filter {
            call = call.with(name, value);
        }
        let page: Page<T> = self.litellm.transport().json("page", call).await?;
        self.steady &= self.total.is_none_or(|total| total == page.total);
        self.total = Some(page.total);
        self.done = page.items.is_empty() || self.next_page >= page.total_pages;
        self.next_page += 1;
        Ok((!page.items.is_empty()).then_some(page.items))
    }

    /// All pages that are left.
    pub async fn all(mut self) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        while let Some(page) = self.next().await? {
            items.extend(page);
        }
        Ok(items)
    }

    /// How many items there are in all, once a page was read.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Whether all pages so far told the same total. If not, something may have slipped between two pages: confirm what
    /// seems to be missing.
    pub fn steady(&self) -> bool {
        self.steady
    }
}
