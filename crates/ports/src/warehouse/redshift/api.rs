//! The Redshift Data API: SQL goes in by HTTP, is waited for, and its answer comes back page by page.
//!
//! Every call runs in a session of its own, so each begins with `SET search_path`. A batch is one transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_redshiftdata::Client;
use aws_sdk_redshiftdata::config::timeout::TimeoutConfig;
use aws_sdk_redshiftdata::operation::describe_statement::{DescribeStatementError, DescribeStatementOutput};
use aws_sdk_redshiftdata::types::{SqlParameter, StatementStatusString, StatusString};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::{RedshiftOptions, answer, failure};
use crate::aws::{Account, Call, failed};
use crate::warehouse::Table;
use scanmill_core::error::{Class, Error, Result};
use scanmill_flow::{Attempt, Backoff, RetryPolicy, retry};

/// The most statements in one batch, and the most bytes in one of them.
pub(super) const MAX_STATEMENTS: usize = 40;
pub(super) const MAX_STATEMENT_BYTES: usize = 100_000;

/// Longest wait inside one call. The service allows 30 s.
const LONG_POLL: Duration = Duration::from_secs(20);
/// Times a submission is tried whose answer stayed away, each under the same token.
const SUBMISSIONS: RetryPolicy =
    RetryPolicy { first: Duration::from_millis(250), longest: Duration::from_secs(5), tries: Some(3), within: None };
/// How long a cancelled statement may take to end.
const CANCEL_PATIENCE: Duration = Duration::from_secs(5);

/// A client for one workgroup or cluster, made at the first call.
pub(super) struct DataApi {
    account: Account,
    options: Arc<RedshiftOptions>,
    client: OnceCell<Client>,
    is_long_poll_known: AtomicBool,
    submitted: AtomicU64,
    instance: u64,
}

/// SQL to run as one transaction.
pub(super) struct Submission<'a> {
    /// What it is for: `query`, a manifest's id. At most 32 bytes; the service's lists show it.
    pub(super) name: &'a str,
    /// The statements; the search path is set before them.
    pub(super) statements: Vec<String>,
    /// Values of `:p1`, `:p2`…
    pub(super) parameters: Vec<SqlParameter>,
}

/// How a transaction ended.
pub(super) enum StatementOutcome {
    /// Committed.
    Finished(Finished),
    /// Rolled back, as far as the service knows.
    Failed(FailedStatement),
}

/// A committed transaction, by which its answers can be had.
pub(super) struct Finished {
    id: String,
    query_ids: Vec<i64>,
}

impl Finished {
    /// The database's number of statement `place`, from 0.
    pub(super) fn query_id(&self, place: usize) -> Option<i64> {
        self.query_ids.get(place + 1).copied().filter(|id| *id > 0)
    }
}

/// Why a transaction was rolled back.
#[derive(Debug)]
pub(super) struct FailedStatement {
    /// The database's words.
    pub(super) text: String,
    /// Which statement of the submission failed, from 0; `None` for the transaction as a whole.
    pub(super) place: Option<usize>,
    /// The database's number of that statement, under which it keeps load errors.
    pub(super) query_id: Option<i64>,
}

impl FailedStatement {
    /// As an error about `doing`, classed by its words.
    pub(super) fn into_error(self, doing: &str, options: &RedshiftOptions) -> Error {
        failure::error_of(&self.text, doing, options)
    }
}

impl DataApi {
    pub(super) fn new(account: Account, options: Arc<RedshiftOptions>) -> DataApi {
        DataApi {
            account,
            options,
            client: OnceCell::new(),
            is_long_poll_known: AtomicBool::new(true),
            submitted: AtomicU64::new(0),
            instance: rand::random(),
        }
    }

    async fn client(&self) -> Result<&Client> {
        self.client
            .get_or_try_init(|| async {
                let shared = self.account.config().await?;
                let timeouts = shared.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
                let per_call = self.account.options().attempt_timeout + LONG_POLL;
                let mut config = aws_sdk_redshiftdata::config::Builder::from(shared)
                    .interceptor(self.account.watch("redshift"))
                    .timeout_config(timeouts.operation_attempt_timeout(per_call).build());
                if let Some(endpoint) = &self.options.endpoint {
                    config = config.endpoint_url(endpoint);
                }
                Ok(Client::from_conf(config.build()))
            })
            .await
    }

    /// Runs the statements and waits for their end, at most for `redshift.statement_timeout_seconds`.
    ///
    /// # Errors
    /// What the service refused, or an end that stayed unknown. A transaction that the database rolled back is no
    /// error here.
    pub(super) async fn run(&self, submission: Submission<'_>) -> Result<StatementOutcome> {
        let deadline = Instant::now() + self.options.statement_timeout;
        let id = self.submit(submission).await?;
        let described = self.wait(&id, deadline).await?;
        if described.status == Some(StatusString::Finished) {
            let query_ids = described.sub_statements().iter().map(|part| part.redshift_query_id).collect();
            return Ok(StatementOutcome::Finished(Finished { id, query_ids }));
        }
        // Statement 0 is the search path; the callers count from the one after it.
        let failed_one = described
            .sub_statements()
            .iter()
            .enumerate()
            .find(|(_, part)| matches!(part.status, Some(StatementStatusString::Failed)) || part.error.is_some());
        let text = failed_one
            .and_then(|(_, part)| part.error.clone())
            .or_else(|| described.error.clone())
            .unwrap_or_else(|| "aborted without a reason".into());
        Ok(StatementOutcome::Failed(FailedStatement {
            text,
            place: failed_one.and_then(|(place, _)| place.checked_sub(1)),
            query_id: failed_one.map(|(_, part)| part.redshift_query_id).filter(|id| *id > 0),
        }))
    }

    /// Sends the statements. The token makes a repeat of the same submission the same submission, so one whose answer
    /// was lost can be sent again. It is new for each submission: with an older one the service would answer with what
    /// came of that.
    async fn submit(&self, submission: Submission<'_>) -> Result<String> {
        let number = self.submitted.fetch_add(1, Ordering::Relaxed);
        let token = format!("{}-{:016x}-{number}", submission.name, self.instance);
        let mut sqls = vec![format!("SET search_path TO {}", self.options.schema)];
        sqls.extend(submission.statements);
        if sqls.len() > MAX_STATEMENTS || sqls.iter().any(|sql| sql.len() > MAX_STATEMENT_BYTES) {
            return Err(Error::bug(format!(
                "{} statements, the longest of {} bytes, are more than the Data API takes",
                sqls.len(),
                sqls.iter().map(String::len).max().unwrap_or(0)
            )));
        }
        let client = self.client().await?;
        retry(SUBMISSIONS, || async {
            let request = client
                .batch_execute_statement()
                .set_sqls(Some(sqls.clone()))
                .set_workgroup_name(self.options.workgroup.clone())
                .set_cluster_identifier(self.options.cluster.clone())
                .set_db_user(self.options.db_user.clone())
                .set_secret_arn(self.options.secret_arn.clone())
                .database(&self.options.database)
                .statement_name(format!("scanmill {}", submission.name))
                .client_token(&token)
                .set_parameters((!submission.parameters.is_empty()).then(|| submission.parameters.clone()));
            match request.send().await {
                Ok(answer) => {
                    Attempt::Ended(answer.id.ok_or_else(|| Error::transient("the Data API answered without an id")))
                }
                Err(error) => {
                    let error = self.refused("running SQL on", "redshift-data:BatchExecuteStatement", error);
                    Attempt::of(Err(error), |error| error.class() == Class::Transient)
                }
            }
        })
        .await
    }

    /// Waits for the end. Answers that stay away change nothing about the statement, so they are only waited for. Not
    /// `retry`: nothing failed that would be tried again, an answer that took its time is the wait, and the last wait is cut
    /// to the deadline.
    async fn wait(&self, id: &str, deadline: Instant) -> Result<DescribeStatementOutput> {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        loop {
            let asked_at = Instant::now();
            let left = deadline.saturating_duration_since(asked_at);
            if left.is_zero() {
                return self.cancel(id).await;
            }
            match self.describe(id, Some(left)).await {
                Ok(described) if has_ended(&described) => return Ok(described),
                Ok(_) => {}
                Err(error) if error.class().is_retryable() => tracing::debug!(%error, "asking again"),
                Err(error) => return Err(error),
            }
            // A service that does not wait, or cannot, is asked more and more rarely.
            if asked_at.elapsed() < Duration::from_secs(1) {
                tokio::time::sleep(backoff.next_wait().min(left)).await;
            }
        }
    }

    async fn describe(&self, id: &str, wait: Option<Duration>) -> Result<DescribeStatementOutput> {
        let client = self.client().await?;
        let doing = "asking after SQL on";
        let seconds = wait.map(|wait| wait.min(LONG_POLL).as_secs().max(1) as i32);
        if let Some(seconds) = seconds.filter(|_| self.is_long_poll_known.load(Ordering::Relaxed)) {
            match client.describe_statement().id(id).wait_time_seconds(seconds).send().await {
                Ok(described) => return Ok(described),
                Err(error) if is_about_waiting(error.as_service_error()) => {
                    // Too many wait at this moment, or this service knows no waiting at all.
                    if error.as_service_error().is_some_and(DescribeStatementError::is_validation_exception) {
                        self.is_long_poll_known.store(false, Ordering::Relaxed);
                    }
                }
                Err(error) => return Err(self.refused(doing, "redshift-data:DescribeStatement", error)),
            }
        }
        let described = client.describe_statement().id(id).send().await;
        described.map_err(|error| self.refused(doing, "redshift-data:DescribeStatement", error))
    }

    /// Ends a statement whose time is over. It may have ended well in that very moment.
    async fn cancel(&self, id: &str) -> Result<DescribeStatementOutput> {
        let cancelled = self.client().await?.cancel_statement().id(id).send().await;
        let over = || {
            Error::transient(format!("not finished after {} s", self.options.statement_timeout.as_secs())).with_hint(
                "raise `redshift.statement_timeout_seconds`, lower `load.max_batches`, or give the warehouse less to do",
            )
        };
        if let Err(error) = cancelled {
            let error = self.refused("cancelling SQL on", "redshift-data:CancelStatement", error);
            tracing::warn!(%error, "a statement that took too long could not be cancelled");
        }
        let give_up = Instant::now() + CANCEL_PATIENCE;
        while Instant::now() < give_up {
            match self.describe(id, None).await {
                Ok(described) if described.status == Some(StatusString::Finished) => return Ok(described),
                Ok(described) if !has_ended(&described) => {}
                Ok(_) | Err(_) => break,
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(over())
    }

    /// The answer of statement `place`, from 0, of a transaction that has ended.
    pub(super) async fn answer(&self, of: &Finished, place: usize) -> Result<Table> {
        let client = self.client().await?;
        // Sub-statements are numbered from 1, and the search path is one.
        let id = format!("{}:{}", of.id, place + 2);
        let mut table = Table::default();
        let mut types = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let page = client.get_statement_result().id(&id).set_next_token(next).send().await;
            let page =
                page.map_err(|error| self.refused("reading an answer of", "redshift-data:GetStatementResult", error))?;
            if let Some(columns) = page.column_metadata {
                table.columns = columns.iter().map(|column| column.name.clone().unwrap_or_default()).collect();
                types = columns.into_iter().map(|column| column.type_name.unwrap_or_default()).collect();
            }
            table.rows.extend(page.records.into_iter().map(|record| answer::row(record, &types)));
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(table);
            }
        }
    }

    fn refused<E>(
        &self,
        doing: &str,
        action: &'static str,
        error: aws_smithy_runtime_api::client::result::SdkError<
            E,
            aws_smithy_runtime_api::client::orchestrator::HttpResponse,
        >,
    ) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let what = self.options.server();
        let message = error.as_service_error().and_then(ProvideErrorMetadata::message).map(str::to_owned);
        failure::refused(failed(Call { doing, what: &what, action }, error), message.as_deref(), &self.options)
    }
}

fn has_ended(described: &DescribeStatementOutput) -> bool {
    matches!(described.status, Some(StatusString::Finished | StatusString::Failed | StatusString::Aborted))
}

/// Whether the service refused the waiting and not the question.
fn is_about_waiting(error: Option<&DescribeStatementError>) -> bool {
    let Some(error) = error else { return false };
    error.code() == Some("ActiveWaitingRequestsExceededException")
        || (error.is_validation_exception() && error.message().is_some_and(|text| text.contains("WaitTimeSeconds")))
}
