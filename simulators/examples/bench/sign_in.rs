//! People of a directory with many groups, and somebody who signs them in, one after the other.

use std::{
    fmt::Write as _,
    io::Write as _,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Instant,
};

use anyhow::Context as _;
use reqwest::{Client, Response, header};
use simulators::{
    graph::{GraphOptions, GraphSimulator, SimulatedGroup, SimulatedPerson, Who, by_oidc, directory_id},
    oidc::{OidcSimulator, Person},
};

/// An OpenID provider and a Graph of people who are all in all groups, which are all assigned. Prints Graph's address and
/// the application's id in a line, then the provider's.
pub async fn directory(people: u32, groups: u32) -> anyhow::Result<()> {
    let emails: Vec<String> = (1..=people).map(email).collect();
    let provider: Arc<OnceLock<OidcSimulator>> = Arc::default();
    let late = Arc::clone(&provider);
    let who: Who = Arc::new(move |token| late.get().and_then(|provider| by_oidc(provider)(token)));
    let members: Vec<&str> = emails.iter().map(String::as_str).collect();
    let ids: Vec<String> = (1..=groups).map(|n| directory_id(&format!("group {n}"))).collect();
    let named = (1..).zip(&ids);
    let graph = GraphSimulator::start_with(GraphOptions {
        people: emails.iter().map(|email| SimulatedPerson::new(email, email)).collect(),
        groups: named
            .map(|(n, id)| SimulatedGroup::new(id, &format!("Group {n}"), &members))
            .collect(),
        assigned: ids.clone(),
        who: Some(who),
        ..GraphOptions::default()
    })
    .await?;
    let everybody = emails.iter().map(|email| Person::new(email, email, "")).collect();
    let oidc = OidcSimulator::start_with(everybody).await?;
    let issuer = oidc.issuer();
    anyhow::ensure!(provider.set(oidc).is_ok(), "set once");
    let mut said = std::io::stdout();
    writeln!(said, "{} {}", graph.url(), graph.options().service_principal_id)?;
    writeln!(said, "listening on {issuer}")?;
    std::future::pending().await
}

/// Signs everybody in, twice, and reads what Graph says of them. Prints milliseconds: the first person's sign-in, with
/// which the groups come; the median of the others' first, and of all second ones; the median of what Graph takes of that.
pub async fn sign_in(server: SocketAddr, graph: &str, application: &str, people: u32) -> anyhow::Result<()> {
    let client = Client::builder()
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let mut rounds = [Vec::new(), Vec::new()];
    for round in &mut rounds {
        for n in 1..=people {
            round.push(one(&client, server, &email(n)).await?);
        }
    }
    let (token, mut asked) = (token(&client, graph).await?, Vec::new());
    for n in 1..=people {
        asked.push(ask_graph(&client, &token, graph, application, &email(n)).await?);
    }
    let [first, again] = &mut rounds;
    let newcomer = first.remove(0);
    let mut line = String::new();
    write!(line, "{newcomer:.3} {:.3}", median(first))?;
    write!(line, " {:.3} {:.3}", median(again), median(&mut asked))?;
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

fn email(n: u32) -> String {
    format!("p{n}@example.com")
}

/// How long Guildhall takes from the browser's return to the answer with the session.
async fn one(client: &Client, server: SocketAddr, email: &str) -> anyhow::Result<f64> {
    let begun = client.get(format!("http://{server}/auth/login/oidc")).send().await?;
    let cookie = begun.headers().get(header::SET_COOKIE).context("no session")?;
    let cookie = cookie.to_str()?.split(';').next().unwrap_or_default().to_owned();
    let back = client.get(format!("{}&as={email}", location(&begun)?)).send().await?;
    let path = location(&back)?;
    let returned = Instant::now();
    let done = client.get(path).header(header::COOKIE, cookie).send().await?;
    let took = returned.elapsed().as_secs_f64() * 1000.0;
    anyhow::ensure!(location(&done)? == "/", "{email} did not get in: {}", done.status());
    Ok(took)
}

/// The two questions of a sign-in, one after the other as nobody else would; in the application's name, which has as
/// much to read.
async fn ask_graph(client: &Client, token: &str, graph: &str, application: &str, email: &str) -> anyhow::Result<f64> {
    let person = directory_id(email);
    let begun = Instant::now();
    for url in [
        format!("{graph}/v1.0/users/{person}/memberOf?%24select=id%2CdisplayName&%24top=999"),
        format!("{graph}/v1.0/servicePrincipals/{application}/appRoleAssignedTo?%24top=999"),
    ] {
        let answer = client.get(url).bearer_auth(token).send().await?;
        answer.error_for_status()?.bytes().await?;
    }
    Ok(begun.elapsed().as_secs_f64() * 1000.0)
}

/// The application's token.
async fn token(client: &Client, graph: &str) -> anyhow::Result<String> {
    let asked = client
        .post(format!("{graph}/contoso/oauth2/v2.0/token"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    // The simulated Graph is a resource of its own; of an address only what a form's value may hold stands in it.
    let answer = asked.body(format!(
        "grant_type=client_credentials&client_id=guildhall&client_secret=demo-secret&scope={graph}/.default"
    ));
    let answer: serde_json::Value = answer.send().await?.error_for_status()?.json().await?;
    Ok(answer["access_token"].as_str().context("no token")?.to_owned())
}

fn location(response: &Response) -> anyhow::Result<&str> {
    let location = response.headers().get(header::LOCATION);
    let location = location.with_context(|| format!("no redirect: {}", response.status()))?;
    Ok(location.to_str()?)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}
