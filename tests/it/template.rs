//! What `template.yaml` and `samconfig.toml` promise: the same figures as the code, a stage matching its name, ten
//! alarms.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use anyhow::{Result, ensure};
use comptoir::{billing::ledger::LARGEST_CLAIM, testing::readme::says, timing};
use comptoir_local::{bundle::template, paths, replay, transfer};
use serde_json::Value;

fn whole() -> Result<Value> {
    template::read(&std::fs::read_to_string(paths::template())?)
}

fn resources() -> Result<Value> {
    Ok(whole()?["Resources"].clone())
}

fn timeout(resources: &Value, function: &str) -> u64 {
    resources[function]["Properties"]["Timeout"].as_u64().unwrap()
}

#[test]
fn every_patience_is_shorter_than_whatever_waits_for_it() -> Result<()> {
    let resources = resources()?;
    let webhook = timeout(&resources, "PaymentWebhookFunction");
    let sender = timeout(&resources, "MailSenderFunction");
    ensure!(timing::CONNECT_SECONDS < timing::ATTEMPT_SECONDS && timing::ATTEMPT_SECONDS < timing::OPERATION_SECONDS);
    // Reading secrets and querying Stripe share one time limit; recording and answering have the time reserved for
    // them.
    let asking = timing::STRIPE_TOTAL_SECONDS.max(timing::STRIPE_SECONDS);
    ensure!(asking + timing::OPERATION_SECONDS + timing::ANSWER_SECONDS < webhook && webhook < timing::GATEWAY_SECONDS);
    let renderer = timeout(&resources, "InvoiceRendererFunction");
    ensure!(timing::ONE_CLAIM_SECONDS + timing::ONE_DOCUMENT_SECONDS < renderer, "a claim and its first document fit");
    ensure!(timing::ONE_CREDIT_SECONDS + timing::ONE_DOCUMENT_SECONDS < renderer, "a credit note fits");
    ensure!(timing::ONE_MAIL_SECONDS < sender, "a mail is not cut off between claim and record");
    let notifier = timeout(&resources, "NoticeSenderFunction");
    ensure!(
        timing::ONE_MESSAGE_SECONDS.max(timing::ONE_NOTICE_SECONDS).max(timing::ONE_TELLING_SECONDS) < notifier,
        "a message is not cut off between claim and record"
    );
    ensure!(timing::GATHER_SECONDS + timing::OPERATION_SECONDS < notifier, "what waits is gathered, or parked");
    ensure!(timing::ONE_EVENT_SECONDS < timeout(&resources, "MailEventsFunction"), "an event is noted in time");
    ensure!(timing::ONE_SUBSCRIPTION_SECONDS < timeout(&resources, "AccessWorkerFunction"), "a subscription is ended");
    ensure!(timing::ONE_CHANGE_SECONDS < timeout(&resources, "ProfilePublisherFunction"), "a change is told in time");
    ensure!(sender < timing::MAIL_LEASE_SECONDS, "two senders never hold one mail");
    ensure!(notifier < timing::MAIL_LEASE_SECONDS && timing::ROOM_SECONDS < timing::POST_SECONDS);
    for (name, resource) in resources.as_object().unwrap() {
        if resource["Type"] == "AWS::Serverless::Function" {
            ensure!(timing::OPERATION_SECONDS < timeout(&resources, name), "{name} outlives its calls");
        }
    }
    Ok(())
}

/// Writing into the archive without the condition that the key is free is denied, whatever the caller's role allows;
/// and the code writes there in one place, conditionally (`shared/aws/src/archive.rs`).
#[test]
fn the_archive_takes_only_what_stands_nowhere_yet() -> Result<()> {
    let resources = resources()?;
    let policy = &resources["ArchiveBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"];
    let once = policy.as_array().unwrap().iter().find(|statement| statement["Sid"] == "WriteOnce").unwrap();
    ensure!(once["Effect"] == "Deny" && once["Principal"] == "*" && once["Action"] == "s3:PutObject", "{once}");
    ensure!(once["Condition"] == serde_json::json!({"Null": {"s3:if-none-match": "true"}}), "{once}");
    ensure!(once["Resource"].to_string().contains("ArchiveBucket.Arn}/*"), "{once}");
    let mut writers = Vec::new();
    for folder in ["shared", "functions"] {
        sources(&paths::repository().join(folder), &mut writers)?;
    }
    // The second is the bucket of members' files, which are replaced and erased.
    ensure!(writers == ["shared/aws/src/archive.rs", "shared/members/aws/src/files.rs"], "{writers:?}");
    let archive = std::fs::read_to_string(paths::repository().join("shared/aws/src/archive.rs"))?;
    let puts: Vec<&str> = archive.split(".put_object()").skip(1).collect();
    ensure!(puts.iter().all(|put| put.split_once(".send()").unwrap().0.contains(".if_none_match(\"*\")")), "{archive}");
    Ok(())
}

/// The sources below a folder that write objects, sorted.
fn sources(folder: &std::path::Path, writers: &mut Vec<String>) -> Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, writers)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path)?;
            if [".put_object()", ".copy_object()", ".create_multipart_upload()"].iter().any(|call| text.contains(call))
            {
                writers.push(path.strip_prefix(paths::repository())?.display().to_string());
            }
        }
    }
    Ok(())
}

#[test]
fn streams_try_as_long_as_is_said_and_never_lose_a_record() -> Result<()> {
    let resources = resources()?;
    let mut streams = 0;
    for (name, resource) in resources.as_object().unwrap() {
        for (_, event) in resource["Properties"]["Events"].as_object().into_iter().flatten() {
            if event["Type"] != "DynamoDB" {
                continue;
            }
            streams += 1;
            let stream = &event["Properties"];
            ensure!(stream["MaximumRetryAttempts"] == timing::STREAM_ATTEMPTS, "{name}");
            let swept = event["Properties"]["Stream"]["Fn::GetAtt"][0] != "ProfilesTable";
            let age = if swept { timing::SWEPT_RECORD_AGE_SECONDS } else { timing::STREAM_RECORD_AGE_SECONDS };
            ensure!(stream["MaximumRecordAgeInSeconds"] == age, "{name}");
            let woken = stream["FilterCriteria"].to_string().contains("woken_at");
            ensure!(woken == swept, "{name} is woken by the sweep, or is not swept");
            ensure!(stream["BisectBatchOnFunctionError"] == true && stream["DestinationConfig"].is_object(), "{name}");
            ensure!(stream["FunctionResponseTypes"][0] == "ReportBatchItemFailures", "{name}");
            ensure!(stream["BatchSize"].as_u64().unwrap() <= LARGEST_CLAIM as u64, "{name}");
        }
    }
    ensure!(streams == 5);
    says(LARGEST_CLAIM, "invoices (dynamodb writes");
    let alarms = resources.as_object().unwrap().values().filter(|one| one["Type"] == "AWS::CloudWatch::Alarm");
    says(alarms.count(), "alarms of `prod`");
    Ok(())
}

/// The fields of an object type of the schema, whose descriptions are on lines of their own.
fn fields(schema: &str, of: &str) -> Vec<String> {
    let body = schema.split_once(&format!("type {of} {{")).unwrap().1;
    let body = body.split_once("\n}").unwrap().0;
    let outside: String = body.split("\"\"\"").step_by(2).collect();
    let lines = outside.lines().filter(|line| !line.trim_start().starts_with('"'));
    let mut names: Vec<String> = lines
        .filter_map(|line| {
            let name: String = line.trim_start().chars().take_while(char::is_ascii_alphanumeric).collect();
            (!name.is_empty()).then_some(name)
        })
        .collect();
    names.sort();
    names
}

#[test]
fn every_field_of_the_api_has_its_resolver() -> Result<()> {
    let schema = std::fs::read_to_string(paths::repository().join("infra/schema.graphql"))?;
    let resources = resources()?;
    let resolvers: Vec<&Value> = resources
        .as_object()
        .unwrap()
        .values()
        .filter(|resource| resource["Type"] == "AWS::AppSync::Resolver")
        .map(|resource| &resource["Properties"])
        .collect();
    for of in ["Query", "Mutation", "Subscription"] {
        let mut resolved: Vec<String> = resolvers
            .iter()
            .filter(|resolver| resolver["TypeName"] == of)
            .map(|resolver| resolver["FieldName"].as_str().unwrap().to_owned())
            .collect();
        resolved.sort();
        ensure!(resolved == fields(&schema, of), "{of}: {resolved:?}, {:?}", fields(&schema, of));
    }
    for resolver in resolvers {
        let code = match resolver["FieldName"].as_str() {
            Some("publishProfileChange") => "infra/resolvers/publish.js",
            Some("onProfileChanged") => "infra/resolvers/subscribe.js",
            _ => "infra/resolvers/ask.js",
        };
        ensure!(resolver["CodeS3Location"] == code && resolver["Kind"] == "UNIT", "{resolver}");
        ensure!(paths::repository().join(code).is_file());
    }
    Ok(())
}

/// Logical ids and keys of what holds the books can never change: the functions would work on an empty table.
#[test]
fn tables_and_buckets_keep_their_ids_and_keys_and_outlive_the_stack() -> Result<()> {
    let resources = resources()?;
    let of_type = |kind: &str| -> Vec<&str> {
        let resources = resources.as_object().unwrap().iter();
        let mut ids: Vec<&str> = resources.filter(|(_, one)| one["Type"] == kind).map(|(id, _)| id.as_str()).collect();
        ids.sort_unstable();
        ids
    };
    let tables = of_type("AWS::DynamoDB::Table");
    ensure!(tables == ["AccessTable", "BillingTable", "NoticesTable", "OutboxTable", "ProfilesTable"], "{tables:?}");
    let sorted = |names: &[&'static str]| -> Vec<&str> {
        let mut names = names.to_vec();
        names.sort_unstable();
        names
    };
    ensure!(tables == sorted(&transfer::format::TABLES), "an export leaves a table behind");
    let has =
        |table: &str, index: &str| resources[table]["Properties"]["GlobalSecondaryIndexes"].to_string().contains(index);
    let parks: Vec<&str> = tables.iter().copied().filter(|table| has(table, "\"parked\"")).collect();
    ensure!(parks == sorted(&replay::TABLES), "what is parked in {parks:?} is replayed");
    let swept = resources["SweepFunction"]["Properties"]["Environment"]["Variables"].to_string();
    let opens = |table: &&&str| has(table, "\"open\"");
    ensure!(tables.iter().filter(opens).all(|table| swept.contains(*table)), "open work is woken: {swept}");
    let buckets = of_type("AWS::S3::Bucket");
    ensure!(buckets == ["ArchiveBucket", "ProfileFilesBucket"], "{buckets:?}");
    let policy: Value =
        serde_json::from_str(&std::fs::read_to_string(paths::repository().join("infra/stack-policy.json"))?)?;
    for id in tables.iter().chain(&buckets) {
        let resource = &resources[*id];
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            ensure!(resource[policy] == "Retain", "{id} {policy}");
        }
        let denied = policy["Statement"][1]["Resource"].as_array().unwrap();
        ensure!(denied.contains(&Value::String(format!("LogicalResourceId/{id}"))), "the stack policy lets {id} go");
    }
    for table in &tables {
        let keys = &resources[*table]["Properties"]["KeySchema"];
        let key = |place: usize| (keys[place]["AttributeName"].as_str(), keys[place]["KeyType"].as_str());
        ensure!(key(0) == (Some("pk"), Some("HASH")) && key(1) == (Some("sk"), Some("RANGE")), "{table}");
        ensure!(
            resources[*table]["Properties"].get("TableName").is_none(),
            "a named table cannot stand beside another"
        );
    }
    Ok(())
}

/// Each stream has two readers at most (DynamoDB Developer Guide, "Reading and processing a stream").
#[test]
fn a_stream_has_two_readers_at_most() -> Result<()> {
    let resources = resources()?;
    let mut readers: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for resource in resources.as_object().unwrap().values() {
        for event in resource["Properties"]["Events"].as_object().into_iter().flatten().map(|(_, event)| event) {
            if event["Type"] == "DynamoDB" {
                *readers.entry(event["Properties"]["Stream"].to_string()).or_default() += 1;
            }
        }
    }
    ensure!(readers.values().all(|count| *count <= 2), "{readers:?}");
    Ok(())
}

/// Ten years from the end of the financial year (C. com. L123-22), counted from any day of a year of twelve months.
#[test]
fn a_document_is_locked_until_ten_years_after_its_financial_year() -> Result<()> {
    let lock = &resources()?["ArchiveBucket"]["Properties"]["ObjectLockConfiguration"]["Rule"]["DefaultRetention"];
    let years = i16::try_from(lock["Fn::If"][1]["Years"].as_i64().unwrap())?;
    for issued_on in [jiff::civil::date(2026, 1, 2), jiff::civil::date(2026, 12, 31)] {
        let locked_until = issued_on.checked_add(jiff::Span::new().years(years))?;
        ensure!(locked_until >= jiff::civil::date(2036, 12, 31), "{issued_on} is locked until {locked_until}");
    }
    Ok(())
}

/// The parameters in samconfig.toml for `sam deploy` of each stage, and the deployment steps of the README.
#[test]
fn each_stage_says_what_it_is_and_no_command_line_replaces_it() -> Result<()> {
    let template = whole()?;
    for decisive in ["Stage", "StripeMode"] {
        ensure!(template["Parameters"][decisive].is_object());
        ensure!(template["Parameters"][decisive].get("Default").is_none(), "{decisive} must be said for each stage");
    }
    let samconfig: toml::Table = std::fs::read_to_string(paths::repository().join("samconfig.toml"))?.parse()?;
    for (section, stage, mode) in [("default", "dev", "test"), ("dev", "dev", "test"), ("prod", "prod", "live")] {
        let text = |command: &str, key: &str| {
            samconfig[section][command]["parameters"].get(key).and_then(toml::Value::as_str).unwrap_or_default()
        };
        let overrides: Vec<&str> = text("deploy", "parameter_overrides").split_whitespace().collect();
        ensure!(overrides.contains(&format!("Stage={stage}").as_str()), "{section}: {overrides:?}");
        ensure!(overrides.contains(&format!("StripeMode={mode}").as_str()), "{section}: {overrides:?}");
        for name in overrides.iter().filter_map(|pair| pair.split_once('=')).map(|(name, _)| name) {
            ensure!(template["Parameters"][name].is_object(), "{section} sets {name}, which template.yaml has not");
        }
        // The longest names derived from it: 64 characters for a schedule (`-leavers`) and for the configuration set.
        let name = text("global", "stack_name");
        ensure!(name.ends_with(stage) && name.len() <= 56, "{section}: {name}");
    }
    let readme = std::fs::read_to_string(paths::repository().join("README.md"))?;
    let replaced = readme.lines().filter(|line| line.contains("--parameter-overrides"));
    for line in replaced {
        ensure!(line.contains("never"), "the README must not lead owners to replace samconfig's parameters: {line}");
    }
    ensure!(readme.contains("parameter_overrides = \"Stage=prod StripeMode=live AlertEmail="));
    Ok(())
}

/// An account has ten metrics in alarms free, and the length of a name is limited.
#[test]
fn ten_alarms_read_ten_metrics() -> Result<()> {
    let resources = resources()?;
    let alarms = || resources.as_object().unwrap().iter().filter(|(_, of)| of["Type"] == "AWS::CloudWatch::Alarm");
    ensure!(alarms().count() == 10);
    for (name, alarm) in alarms() {
        ensure!(alarm["Properties"].get("Metrics").is_none(), "{name} reads more than one metric");
        ensure!(alarm["Properties"]["AlarmActions"][0]["Ref"] == "AlarmTopic", "{name} tells nobody");
    }
    let missed = &resources["EventMissedFilter"]["Properties"];
    ensure!(
        missed["LogGroupName"]["Ref"] == "PaymentWebhookLogs" && missed["FilterPattern"] == "{ $.EventMissed > 0 }"
    );
    ensure!(missed["MetricTransformations"][0]["MetricName"] == "Parked");
    let flood = &resources["TurnedAwayFilter"]["Properties"];
    let weight: f64 = flood["MetricTransformations"][0]["MetricValue"].as_str().unwrap().parse()?;
    ensure!(
        flood["LogGroupName"]["Ref"] == "WebhookApiLogs" && flood["MetricTransformations"][0]["MetricName"] == "Parked"
    );
    ensure!(100.0 * weight >= 1.0 && 99.0 * weight < 1.0, "a hundred refusals are one alarm: {weight}");
    Ok(())
}

/// An access log's line stays JSON whatever the request, and holds no personal data.
#[test]
fn the_access_log_holds_words_of_the_gateway_alone() -> Result<()> {
    let resources = resources()?;
    for api in ["WebhookApi", "SiteApi", "PublicApi"] {
        only_words_of_the_gateway(&resources[api]["Properties"]["AccessLogSettings"]["Format"])?;
    }
    Ok(())
}

fn only_words_of_the_gateway(format: &Value) -> Result<()> {
    let fields: serde_json::Map<String, Value> = serde_json::from_str(format.as_str().unwrap().trim())?;
    for (name, value) in fields {
        let variable = value.as_str().unwrap();
        let safe = [
            "requestId",
            "requestTime",
            "routeKey",
            "status",
            "responseLatency",
            "integrationLatency",
            "integrationStatus",
            "error.responseType",
        ];
        ensure!(safe.iter().any(|safe| variable == format!("$context.{safe}")), "{name} is {variable}");
    }
    Ok(())
}

/// A sign-in code sent to localhost is readable by any program on that machine.
#[test]
fn in_prod_members_are_never_sent_to_localhost() -> Result<()> {
    let template = whole()?;
    ensure!(template["Parameters"]["MembersCallbackUrls"]["Default"] == "");
    let client = &template["Resources"]["MembersClient"]["Properties"];
    for addresses in ["CallbackURLs", "LogoutURLs"] {
        let without = &client[addresses]["Fn::If"][2]["Fn::If"];
        ensure!(without[0] == "IsProd" && without[1]["Ref"] == "AWS::NoValue", "{addresses}: {without}");
        ensure!(without[2][0].as_str().unwrap().starts_with("http://localhost:"), "{addresses}: {without}");
    }
    ensure!(client["AllowedOAuthFlowsUserPoolClient"]["Fn::If"][0] == "HasMembersPage");
    Ok(())
}

/// A refresh token that was stolen works until its owner refreshes, and none changes a password; in prod the schema is not
/// told; who joins is a parameter; and the one function that ends accounts may do that to this pool alone.
#[test]
fn a_members_token_is_good_for_what_the_house_offers() -> Result<()> {
    let template = whole()?;
    let client = &template["Resources"]["MembersClient"]["Properties"];
    ensure!(client["RefreshTokenRotation"]["Feature"] == "ENABLED", "{client}");
    // Cognito refuses the one beside the other.
    ensure!(client["ExplicitAuthFlows"] == serde_json::json!(["ALLOW_USER_SRP_AUTH"]), "{client}");
    let scopes = client["AllowedOAuthScopes"]["Fn::If"][1].to_string();
    ensure!(!scopes.contains("aws.cognito.signin.user.admin") && scopes.contains("openid"), "{scopes}");
    let api = &template["Resources"]["ProfileApi"]["Properties"];
    ensure!(api["IntrospectionConfig"] == serde_json::json!({"Fn::If": ["IsProd", "DISABLED", "ENABLED"]}), "{api}");
    let join = &template["Parameters"]["MembersJoin"];
    ensure!(join["AllowedValues"] == serde_json::json!(["open", "invitation"]) && join["Default"] == "open", "{join}");
    let create = &template["Resources"]["MembersPool"]["Properties"]["AdminCreateUserConfig"];
    let by_invitation = serde_json::json!({"Fn::If": ["JoinsByInvitation", true, false]});
    ensure!(create["AllowAdminCreateUserOnly"] == by_invitation, "{create}");
    let policy = &template["Resources"]["ProfileMutationValidatorEndsAccounts"]["Properties"];
    let statement = &policy["PolicyDocument"]["Statement"][0];
    let actions = serde_json::json!(["cognito-idp:ListUsers", "cognito-idp:AdminDeleteUser"]);
    ensure!(statement["Action"] == actions, "{statement}");
    ensure!(statement["Resource"] == serde_json::json!({"Fn::GetAtt": ["MembersPool", "Arn"]}), "{statement}");
    Ok(())
}

/// A right that is needed once in years must not stand for years: ledger-export writes the Billing table only while the
/// parameter says so, deletes nothing, and writes no mail.
#[test]
fn the_ledger_is_rebuilt_only_while_the_owner_says_so() -> Result<()> {
    let template = whole()?;
    ensure!(template["Parameters"]["RebuildBilling"]["Default"] == "no");
    let role = &template["Resources"]["LedgerExportRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    for statement in role.as_array().unwrap() {
        let actions = statement["Action"].to_string();
        if statement["Sid"] == "RebuildBilling" {
            let effect = serde_json::json!({"Fn::If": ["MayRebuild", "Allow", "Deny"]});
            ensure!(statement["Effect"] == effect && !actions.contains("Delete"), "{statement}");
        } else {
            let writes = ["dynamodb:Put", "dynamodb:Update", "dynamodb:Delete", "dynamodb:Batch"];
            ensure!(!writes.iter().any(|write| actions.contains(write)), "{statement}");
        }
    }
    Ok(())
}

/// The door without a public address: off by default; one source of one account, one rule, which alone may invoke the function;
/// what it gives up goes where the alarm looks; and the other door closes only where this one is open.
#[test]
fn stripes_events_come_over_a_bus_of_their_own_only_where_the_owner_says_so() -> Result<()> {
    let template = whole()?;
    let (parameters, resources) = (&template["Parameters"], &template["Resources"]);
    ensure!(parameters["StripeEventSource"]["Default"] == "" && parameters["WebhookAddress"]["Default"] == "public");
    for name in ["StripeEvents", "StripeEventsRule", "StripeEventsMayInvoke", "OnFailureQueueTakesStripeEvents"] {
        ensure!(resources[name]["Condition"] == "HasStripeEventSource", "{name}");
    }
    let source = serde_json::json!({"Ref": "StripeEventSource"});
    let rule = &resources["StripeEventsRule"]["Properties"];
    ensure!(resources["StripeEvents"]["Properties"]["EventSourceName"] == source, "a bus of nobody else");
    ensure!(rule["EventBusName"]["Ref"] == "StripeEvents" && rule["EventPattern"]["source"][0] == source, "{rule}");
    ensure!(rule["EventPattern"]["account"][0]["Ref"] == "AWS::AccountId", "{rule}");
    let arn = serde_json::json!({"Fn::GetAtt": ["StripeEventsRule", "Arn"]});
    let permission = &resources["StripeEventsMayInvoke"]["Properties"];
    ensure!(permission["SourceArn"] == arn && permission["Principal"] == "events.amazonaws.com", "{permission}");
    let queue = serde_json::json!({"Fn::GetAtt": ["OnFailureQueue", "Arn"]});
    ensure!(rule["Targets"][0]["DeadLetterConfig"]["Arn"] == queue, "{rule}");
    let policy = &resources["OnFailureQueueTakesStripeEvents"]["Properties"]["PolicyDocument"]["Statement"][0];
    ensure!(policy["Condition"]["ArnEquals"]["aws:SourceArn"] == arn && policy["Resource"] == queue, "{policy}");
    let invoked = &resources["PaymentWebhookFunctionEventInvokeConfig"]["Properties"];
    ensure!(invoked["MaximumRetryAttempts"] == serde_json::json!({"Fn::If": ["HasStripeEventSource", 2, 0]}));
    ensure!(invoked["DestinationConfig"]["Fn::If"][1]["OnFailure"]["Destination"] == queue, "{invoked}");
    let role = &resources["PaymentWebhookRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    let sends = role.as_array().unwrap().iter().find(|statement| statement["Sid"] == "HandOverWhatFailed").unwrap();
    ensure!(sends["Effect"] == serde_json::json!({"Fn::If": ["HasStripeEventSource", "Allow", "Deny"]}), "{sends}");
    let closed = &resources["WebhookApi"]["Properties"]["DisableExecuteApiEndpoint"];
    ensure!(*closed == serde_json::json!({"Fn::If": ["HasNoWebhookAddress", true, false]}), "{closed}");
    Ok(())
}

/// A scan of a table reads everything that was ever sold, and heats the counter's partition while it passes: functions scan
/// the indexes of open and parked work alone, which are all but empty.
#[test]
fn no_function_scans_a_table() -> Result<()> {
    let mut scans = 0;
    for (name, resource) in resources()?.as_object().unwrap() {
        for policy in resource["Properties"]["Policies"].as_array().into_iter().flatten() {
            for statement in policy["PolicyDocument"]["Statement"].as_array().into_iter().flatten() {
                if statement["Action"].to_string().contains("dynamodb:Scan") {
                    scans += 1;
                    ensure!(statement["Resource"].to_string().contains("/index/"), "{name}: {statement}");
                }
            }
        }
    }
    ensure!(scans > 0, "no statement was found");
    Ok(())
}
