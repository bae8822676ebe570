//! The calls we make.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use serde::de::DeserializeOwned;

use super::config::Config;
use super::error::Error;
use super::model::{GroupList, JitAnswer, JitConfig, JitRequest, Runner, RunnerGroup, RunnerList};
use super::transport::{Call, Transport};

/// The most GitHub gives.
const PER_PAGE: u64 = 100;
/// A listing that changed under our feet is read again at most so often.
const LISTING_PASSES: usize = 3;

/// The client. Clones share one connection pool and one installation token.
#[derive(Clone)]
pub struct GitHub {
    inner: Arc<Inner>,
}

struct Inner {
    transport: Transport,
    org: String,
}

impl std::fmt::Debug for GitHub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitHub")
            .field("org", &self.inner.org)
            .finish_non_exhaustive()
    }
}

impl GitHub {
    /// Checks the configuration; does not touch the network.
    ///
    /// Errors: [`Error::Config`] for a URL, organization, token or key that cannot work.
    pub fn new(config: Config) -> Result<Self, Error> {
        check_name("organization", &config.org)?;
        let transport = Transport::new(&config)?;
        let org = config.org;
        Ok(Self {
            inner: Arc::new(Inner { transport, org }),
        })
    }

    /// The organization whose runners these are.
    pub fn org(&self) -> &str {
        &self.inner.org
    }

    /// Creates a runner and its one-time configuration (`POST …/runners/generate-jitconfig`). Never retried.
    ///
    /// Errors: [`Error::NameConflict`]; [`Error::NotFound`] or [`Error::Denied`] also for a bad runner group. When
    /// [`is_ambiguous`](Error::is_ambiguous), the runner may exist: ask [`find_runner`](Self::find_runner).
    #[tracing::instrument(skip_all, fields(runner = request.name, group = request.runner_group_id))]
    pub async fn generate_jit_config(&self, request: &JitRequest<'_>) -> Result<JitConfig, Error> {
        let body = serde_json::to_vec(request).map_err(|error| Error::Config(error.to_string()))?;
        let path = self.runners_path("/generate-jitconfig");
        let call = Call {
            body: Some(body),
            ..Call::new(Method::POST, &path)
        };
        let answer: Result<JitAnswer, Error> = self.inner.transport.json("JIT configuration", call).await;
        match answer {
            Ok(answer) => Ok(JitConfig {
                runner: answer.runner,
                encoded_jit_config: answer.encoded_jit_config.into(),
            }),
            Err(Error::Rejected { status: 409, message })
                if message.to_ascii_lowercase().contains("already exists") =>
            {
                Err(Error::NameConflict)
            }
            Err(error) => Err(error),
        }
    }

    /// Every runner of the organization, by ascending id, from all pages.
    ///
    /// GitHub's pages are numbered, so a runner that vanishes while they are read moves later ones to pages already
    /// read. When the count changed on the way, the list is read again (three times at most) and the results are
    /// united. A runner that comes as another goes hides the change, so before one is given up as missing, confirm it
    /// with [`get_runner`](Self::get_runner).
    #[tracing::instrument(skip_all)]
    pub async fn list_runners(&self) -> Result<Vec<Runner>, Error> {
        let mut found = BTreeMap::new();
        for _ in 0..LISTING_PASSES {
            let mut pages = self.runner_pages();
            while let Some(page) = pages.next().await? {
                found.extend(page.into_iter().map(|runner| (runner.id, runner)));
            }
            if pages.steady() {
                break;
            }
        }
        Ok(found.into_values().collect())
    }

    /// The runners a page at a time, for organizations whose list should not be held at once.
    pub fn runner_pages(&self) -> RunnerPages {
        RunnerPages {
            github: self.clone(),
            next_page: 1,
            done: false,
            total: None,
            steady: true,
        }
    }

    /// The runner of that name, if there is one (names do not differ by case alone).
    #[tracing::instrument(skip_all, fields(runner = name))]
    pub async fn find_runner(&self, name: &str) -> Result<Option<Runner>, Error> {
        let path = self.runners_path("");
        let call = Call {
            query: &[("name", name), ("per_page", "100")],
            ..Call::new(Method::GET, &path)
        };
        let list: RunnerList = self.inner.transport.json("runners", call).await?;
        Ok(list
            .runners
            .into_iter()
            .find(|runner| runner.name.eq_ignore_ascii_case(name)))
    }

    /// The runner with that number; `None` when GitHub knows no such runner (or hides the organization from us).
    #[tracing::instrument(skip_all, fields(github_runner_id = id))]
    pub async fn get_runner(&self, id: i64) -> Result<Option<Runner>, Error> {
        let path = self.runners_path(&format!("/{id}"));
        match self.inner.transport.json("runner", Call::new(Method::GET, &path)).await {
            Ok(runner) => Ok(Some(runner)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a runner. One that does not exist is done, too.
    ///
    /// Errors: [`Error::Rejected`] (422) while it runs a job.
    #[tracing::instrument(skip_all, fields(github_runner_id = id))]
    pub async fn delete_runner(&self, id: i64) -> Result<(), Error> {
        let path = self.runners_path(&format!("/{id}"));
        match self.inner.transport.send(Call::new(Method::DELETE, &path)).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The organization's runner groups, all pages.
    #[tracing::instrument(skip_all)]
    pub async fn list_runner_groups(&self) -> Result<Vec<RunnerGroup>, Error> {
        let path = format!("orgs/{}/actions/runner-groups", self.inner.org);
        let mut groups = Vec::new();
        for page in 1.. {
            let list: GroupList = self.page(&path, "runner groups", page).await?;
            let empty = list.runner_groups.is_empty();
            groups.extend(list.runner_groups);
            if empty || page * PER_PAGE >= list.total_count {
                break;
            }
        }
        Ok(groups)
    }

    /// Cancels a workflow run of a repository (`202`; it stops a little later).
    ///
    /// Errors: [`Error::Rejected`] (409) when it is over already; [`Error::Config`] when `owner` or `repo` is no name.
    #[tracing::instrument(skip_all, fields(owner, repo, run_id))]
    pub async fn cancel_run(&self, owner: &str, repo: &str, run_id: i64) -> Result<(), Error> {
        check_name("owner", owner)?;
        check_name("repository", repo)?;
        let path = format!("repos/{owner}/{repo}/actions/runs/{run_id}/cancel");
        self.inner.transport.send(Call::new(Method::POST, &path)).await?;
        Ok(())
    }

    fn runners_path(&self, rest: &str) -> String {
        format!("orgs/{}/actions/runners{rest}", self.inner.org)
    }

    async fn page<T: DeserializeOwned>(&self, path: &str, what: &str, page: u64) -> Result<T, Error> {
        let call = Call {
            query: &[("per_page", "100"), ("page", &page.to_string())],
            ..Call::new(Method::GET, path)
        };
        self.inner.transport.json(what, call).await
    }
}

/// Reads the runners a page (of up to 100) at a time. Made by [`GitHub::runner_pages`].
#[derive(Debug)]
pub struct RunnerPages {
    github: GitHub,
    next_page: u64,
    done: bool,
    total: Option<u64>,
    steady: bool,
}

impl RunnerPages {
    /// The next page; `None` after the last one. After an error the same page is read again.
    #[tracing::instrument(skip_all, fields(page = self.next_page))]
    pub async fn next(&mut self) -> Result<Option<Vec<Runner>>, Error> {
        if self.done {
            return Ok(None);
        }
        let path = self.github.runners_path("");
        let list: RunnerList = self.github.page(&path, "runners", self.next_page).await?;
        self.steady &= self.total.is_none_or(|total| total == list.total_count);
        self.total = Some(list.total_count);
        self.done = list.runners.is_empty() || self.next_page * PER_PAGE >= list.total_count;
        self.next_page += 1;
        Ok((!list.runners.is_empty()).then_some(list.runners))
    }

    /// Whether all pages so far told the same count. If not, runners may have slipped between two pages.
    pub fn steady(&self) -> bool {
        self.steady
    }
}

/// Names that go into a path: what GitHub allows in logins and repository names, so nothing needs escaping.
fn check_name(what: &str, name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 100 || !name.chars().all(allowed) || matches!(name, "." | "..") {
        return Err(Error::Config(format!(
            "`{}` is not the name of a GitHub {what}",
            crate::http_client::tidy(name)
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn names_cannot_leave_their_place_in_a_path() {
        for good in ["acme", "Acme-Corp", "a.b_c", "octo_emu"] {
            assert!(check_name("organization", good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a?b", "a b", "é", "%2e%2e"] {
            assert!(check_name("organization", bad).is_err(), "{bad}");
        }
    }
}
