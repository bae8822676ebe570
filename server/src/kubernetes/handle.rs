//! From a request to the function that answers it.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{Request, State},
    response::Response,
};
use http::{Method, request::Parts};
use kubernetes::{Failure, Reason, options::Options};

use super::{
    Door, access,
    answer::{self, Answer},
    body,
    call::Call,
    core, documents,
    observe::About,
    path::{Objects, Review, Target},
    read, who,
    write::{self, Place},
};
use crate::request::Info;

/// How long a request may take; a watch, until it begins.
const LONGEST: Duration = Duration::from_mins(1);

/// Answers everything.
pub(super) async fn handle(State(door): State<Door>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let target = Target::of(parts.uri.path());
    let about = About {
        verb: verb(&parts, target.as_ref()),
        resource: target.as_ref().map_or("other", Target::resource),
    };
    let answered = tokio::time::timeout(LONGEST, Box::pin(route(door, parts, body, target))).await;
    let answer = answered.unwrap_or_else(|_| {
        Err(Failure::new(
            Reason::Timeout,
            "the request did not complete within the allotted time",
        ))
    });
    let mut response = answer.unwrap_or_else(|failure| answer::refusal(&failure));
    response.extensions_mut().insert(about);
    response
}

/// Kubernetes' word for what a request does.
fn verb(parts: &Parts, target: Option<&Target>) -> &'static str {
    let named = !matches!(
        target,
        Some(Target::Objects(Objects { name: None, .. }) | Target::Namespaces(None) | Target::Events(_))
    );
    match parts.method {
        Method::GET | Method::HEAD if named => "get",
        Method::GET | Method::HEAD => {
            let query = parts.uri.query().unwrap_or_default();
            if Options::parse(query).is_ok_and(|options| options.watch) {
                "watch"
            } else {
                "list"
            }
        }
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if named => "delete",
        Method::DELETE => "deletecollection",
        _ => "other",
    }
}

async fn route(door: Door, parts: Parts, body: Body, target: Option<Target>) -> Answer {
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    // What load balancers and `kubectl version` ask; nothing here is about anybody.
    match (&target, reads) {
        (Some(Target::Health), true) => return Ok(documents::health(&door, parts.uri.path()).await),
        (Some(Target::Version), true) => return documents::version(&parts.headers),
        _ => {}
    }
    let Info(info) = parts.extensions.get::<Info>().cloned().unwrap_or_default();
    let who = who::calls(&door, &parts.headers, &parts.extensions, &info).await?;
    let target = target.ok_or_else(|| Failure::new(Reason::NotFound, documents::NOT_THERE))?;
    // A cluster asks for these on its own behalf, whomever it serves.
    match (&target, reads) {
        (Target::Discovery(which), true) => return documents::discovery(*which, &parts.headers),
        (Target::OpenApiV2, true) => return documents::openapi_v2(&parts.headers),
        (Target::OpenApiIndex, true) => return documents::openapi_index(&parts.headers),
        (Target::OpenApiV3(path), true) => return documents::openapi_v3(path, &parts.headers),
        _ => {}
    }
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let call = Call {
        door,
        caller: who.person()?,
        info,
        options: Options::parse(&query)?,
        query,
        known: parts.extensions.clone(),
        headers: parts.headers,
    };
    let method = parts.method;
    let whole = async || body::whole(body).await;
    match (target, &method) {
        (Target::Namespaces(name), _) if reads => core::namespaces(call, name.as_deref()).await,
        (Target::Events(namespace), _) if reads => core::events(call, namespace).await,
        (Target::Review(Review::Access), &Method::POST) => access::access(call, &whole().await?).await,
        (Target::Review(Review::Rules), &Method::POST) => access::rules(call, &whole().await?).await,
        (Target::Review(Review::Whoami), &Method::POST) => access::whoami(call, &whole().await?).await,
        (Target::Objects(objects), _) => match place(&objects) {
            Err(_) if reads => read::list(call, &objects).await,
            Err(Some(namespace)) if method == Method::POST => {
                write::create(call, objects.kind, namespace, &whole().await?).await
            }
            Ok(place) if reads && call.options.watch => one_watched(call, objects, place).await,
            Ok(place) if reads => read::get(call, &place).await,
            Ok(place) if !objects.status => match method {
                Method::PUT => Box::pin(write::replace(call, &place, &whole().await?)).await,
                Method::PATCH => Box::pin(write::patch(call, &place, &whole().await?)).await,
                Method::DELETE => write::delete(call, &place, &whole().await?).await,
                _ => Err(not_allowed()),
            },
            _ => Err(not_allowed()),
        },
        _ => Err(not_allowed()),
    }
}

/// The one object that a path names, or else the namespace of the collection that it does.
fn place(objects: &Objects) -> Result<Place, Option<&str>> {
    match (&objects.namespace, &objects.name) {
        (Some(namespace), Some(name)) => Ok(Place {
            kind: objects.kind,
            namespace: namespace.clone(),
            name: name.clone(),
        }),
        (namespace, _) => Err(namespace.as_deref()),
    }
}

/// A watch at the address of one object: the collection's, with that name.
async fn one_watched(mut call: Call, mut objects: Objects, place: Place) -> Answer {
    objects.name = None;
    let selector = &mut call.options.field_selector;
    let comma = if selector.is_empty() { "" } else { "," };
    *selector = format!("{selector}{comma}metadata.name={}", place.name);
    read::list(call, &objects).await
}

fn not_allowed() -> Failure {
    Failure::new(
        Reason::MethodNotAllowed,
        "the server does not allow this method on the requested resource",
    )
}
