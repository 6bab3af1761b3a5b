//! Where traces go and which photos are traced: by the configuration, else by OpenTelemetry's own variables
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).

use std::time::Duration;

use percent_encoding::percent_decode_str;
use url::Url;

use super::Parent;

/// Which photos are traced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// Share of photos, 0 to 1.
    pub share: f64,
    /// Whether a message that says whether its trace is sampled decides for its photos.
    pub follows_parent: bool,
}

impl Sampler {
    /// Whether a trace is sampled. By its id, so that whoever else samples the same share of it has the same traces.
    pub(super) fn samples(self, trace_id: u128, parent: Option<Parent>) -> bool {
        let said = parent.and_then(|parent| parent.is_sampled).filter(|_| self.follows_parent);
        said.unwrap_or_else(|| {
            let drawn = (trace_id as u64) >> 11;
            (drawn as f64) < self.share * (1_u64 << 53) as f64
        })
    }
}

/// How to trace.
#[derive(Clone, PartialEq)]
pub struct Options {
    /// The collector's URL for traces.
    pub endpoint: Url,
    /// Headers of each request; they may hold credentials.
    pub headers: Vec<(String, String)>,
    /// Longest time for one request.
    pub timeout: Duration,
    /// Which photos.
    pub sampler: Sampler,
    /// `service.name`.
    pub service_name: String,
    /// Further attributes of the resource.
    pub resource: Vec<(String, String)>,
}

/// What stands wrong in a variable; it is passed over, as the specification has it.
pub(super) type Warning = String;

impl Options {
    /// By the configuration's endpoint and share, and by the variables that `variable` looks up; `None` means no tracing. Where
    /// the configuration names the endpoint, its share holds too; else the variables' sampler comes before it.
    pub fn find(
        endpoint: Option<&str>,
        share: f64,
        variable: impl Fn(&str) -> Option<String>,
    ) -> (Option<Options>, Vec<Warning>) {
        let mut warnings = Vec::new();
        // An empty variable is one that is not set.
        let get = |name: &str| variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let of_traces = |name: &str| {
            get(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}")).or_else(|| get(&format!("OTEL_EXPORTER_OTLP_{name}")))
        };
        let is_off = get("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"))
            || (endpoint.is_none() && get("OTEL_TRACES_EXPORTER").is_some_and(|text| text == "none"));
        let of_variables = || {
            let whole = get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").map(|url| (url, true));
            whole.or_else(|| get("OTEL_EXPORTER_OTLP_ENDPOINT").map(|url| (url, false)))
        };
        let Some((url, is_whole)) =
            endpoint.map(|url| (url.to_owned(), false)).or_else(of_variables).filter(|_| !is_off)
        else {
            return (None, warnings);
        };
        let Some(endpoint_url) = traces_url(&url, is_whole) else {
            warnings.push("the OpenTelemetry endpoint is not a URL like `http://127.0.0.1:4318`: no traces".to_owned());
            return (None, warnings);
        };
        if let Some(protocol) = of_traces("PROTOCOL").filter(|protocol| protocol != "http/json") {
            warnings.push(format!("OTEL_EXPORTER_OTLP_PROTOCOL is `{protocol}`; traces are sent by http/json"));
        }
        let headers = of_traces("HEADERS").map(|text| pairs(&text)).unwrap_or_default();
        let timeout = of_traces("TIMEOUT").and_then(|text| text.parse().ok()).filter(|millis| *millis > 0);
        let mut resource = get("OTEL_RESOURCE_ATTRIBUTES").map(|text| pairs(&text)).unwrap_or_default();
        let named = resource.iter().position(|(name, _)| name == "service.name").map(|at| resource.remove(at).1);
        let sampler = match get("OTEL_TRACES_SAMPLER").filter(|_| endpoint.is_none()) {
            None => Sampler { share, follows_parent: true },
            Some(name) => sampler(&name, get("OTEL_TRACES_SAMPLER_ARG")).unwrap_or_else(|warning| {
                warnings.push(warning);
                Sampler { share, follows_parent: true }
            }),
        };
        let options = Options {
            endpoint: endpoint_url,
            headers,
            timeout: Duration::from_millis(timeout.unwrap_or(10_000)),
            sampler,
            service_name: get("OTEL_SERVICE_NAME").or(named).unwrap_or_else(|| "scanmill".to_owned()),
            resource,
        };
        (Some(options), warnings)
    }
}

/// The URL that traces are posted to; of a base URL that is `v1/traces` below it.
fn traces_url(text: &str, is_whole: bool) -> Option<Url> {
    let mut url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())?;
    if !is_whole {
        let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    Some(url)
}

/// `name=value` after `name=value`, with `%` escapes in the values.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(name, value)| {
        (name.trim().to_owned(), percent_decode_str(value.trim()).decode_utf8_lossy().into_owned())
    });
    pairs.filter(|(name, _)| !name.is_empty()).collect()
}

fn sampler(name: &str, share: Option<String>) -> Result<Sampler, Warning> {
    let (name, follows_parent) = match name.strip_prefix("parentbased_") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let share = match name {
        "always_on" => 1.0,
        "always_off" => 0.0,
        "traceidratio" => {
            let share = share.map_or(Some(1.0), |text| text.parse().ok()).filter(|share| (0.0..=1.0).contains(share));
            share.ok_or("OTEL_TRACES_SAMPLER_ARG is not a number from 0 to 1")?
        }
        _ => return Err(format!("OTEL_TRACES_SAMPLER is `{name}`, which scanmill does not support")),
    };
    Ok(Sampler { share, follows_parent })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(endpoint: Option<&str>, variables: &[(&str, &str)]) -> (Option<Options>, Vec<Warning>) {
        let of = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Options::find(endpoint, 0.25, of)
    }

    fn url(endpoint: Option<&str>, variables: &[(&str, &str)]) -> Option<String> {
        find(endpoint, variables).0.map(|options| options.endpoint.into())
    }

    #[test]
    fn nothing_is_traced_unless_an_endpoint_is_named() {
        assert_eq!(url(None, &[]), None);
        assert_eq!(url(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), None);
        let here = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
        assert_eq!(url(None, &[here]).as_deref(), Some("http://localhost:4318/v1/traces"));
        assert_eq!(url(None, &[here, ("OTEL_SDK_DISABLED", "TRUE")]), None);
        assert_eq!(url(Some("http://c:4318"), &[("OTEL_SDK_DISABLED", "true")]), None);
        assert_eq!(url(None, &[here, ("OTEL_TRACES_EXPORTER", "none")]), None);
        let whole = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://c/otlp");
        assert_eq!(url(None, &[here, whole]).as_deref(), Some("https://c/otlp"));
        assert_eq!(url(Some("https://c/base/"), &[whole]).as_deref(), Some("https://c/base/v1/traces"));
        let (none, warnings) = find(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318")]);
        assert!(none.is_none() && warnings.len() == 1);
    }

    #[test]
    fn variables_are_read_as_the_specification_has_them() {
        let here = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
        let (options, warnings) = find(
            None,
            &[
                here,
                ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, x = y,nothing"),
                ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment.name=test"),
                ("OTEL_SERVICE_NAME", "mill"),
                ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
                ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
                ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
            ],
        );
        let options = options.unwrap();
        assert_eq!(warnings, [""; 0]);
        let text = |pair: (&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
        assert_eq!(options.headers, [text(("api-key", "a b")), text(("x", "y"))]);
        assert_eq!(options.resource, [text(("deployment.environment.name", "test"))]);
        assert_eq!((options.service_name.as_str(), options.timeout), ("mill", Duration::from_millis(1_500)));
        assert_eq!(options.sampler, Sampler { share: 0.5, follows_parent: true });
        // The configuration's endpoint brings its share.
        let (options, _) = find(Some("http://c"), &[("OTEL_TRACES_SAMPLER", "always_on")]);
        assert_eq!(options.unwrap().sampler, Sampler { share: 0.25, follows_parent: true });
        for (name, argument) in [("xray", "1"), ("traceidratio", "2"), ("traceidratio", "half")] {
            let (options, warnings) =
                find(None, &[here, ("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", argument)]);
            assert_eq!((options.unwrap().sampler.share, warnings.len()), (0.25, 1), "{name}");
        }
    }

    #[test]
    fn the_share_holds_and_a_parent_decides_where_it_is_followed() {
        let sampler = Sampler { share: 0.25, follows_parent: true };
        let sampled = (0..10_000).filter(|_| sampler.samples(rand::random(), None)).count();
        assert!((2_000..3_000).contains(&sampled), "{sampled}");
        let parent = |is_sampled| Some(Parent { trace_id: 1, span_id: None, is_sampled });
        for share in [0.0, 1.0] {
            for follows_parent in [false, true] {
                let sampler = Sampler { share, follows_parent };
                for trace_id in [1, u128::MAX] {
                    assert_eq!(sampler.samples(trace_id, None), share == 1.0);
                    assert_eq!(sampler.samples(trace_id, parent(None)), share == 1.0);
                    let said = if follows_parent { share == 0.0 } else { share == 1.0 };
                    assert_eq!(sampler.samples(trace_id, parent(Some(share == 0.0))), said);
                }
            }
        }
    }
}
