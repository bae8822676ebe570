//! What the palette asks for while somebody types.

use leptos::prelude::*;

use crate::{
    forms::{ApiError, describe},
    pages::search::{Hit, hits},
    ssr,
};

/// What there is for a text. It changes nothing, so it is a GET.
#[server(prefix = "/actions", endpoint = "search", input = server_fn::codec::GetUrl)]
pub async fn search(#[server(default)] q: String) -> Result<Vec<Hit>, ApiError> {
    let found = async {
        let mut ctx = ssr::read().await?;
        hits(&mut ctx, &q).await
    };
    // Names that only this person may see.
    ssr::set_header(http::header::CACHE_CONTROL, "no-store");
    found.await.map_err(|error| {
        ssr::set_status(error.code().status());
        ApiError {
            message: describe(&error),
        }
    })
}
