# Deployment from CI without keys: GitHub's identity token is exchanged for a short-lived token of Google's (Workload
# Identity Federation). Sourced by deploy.sh.
# shellcheck shell=bash

GITHUB_ISSUER=https://token.actions.githubusercontent.com

# What a deployment needs once an owner has run `up`: it may change what exists, but creates no account, bucket or topic, and
# grants nothing in the project.
DEPLOYER_ROLES=(cloudfunctions.developer run.admin pubsub.editor monitoring.editor logging.configWriter logging.viewer
  iam.securityReviewer serviceusage.serviceUsageConsumer)
# What a dry run needs: everything may be read.
READER_ROLES=(viewer iam.securityReviewer)

# set_up_keyless OWNER/REPOSITORY[@ID] ENVIRONMENT: jobs in that environment of GitHub may deploy, so its approval protects the
# deployment; the other jobs of the repository may read. Each has a provider of its own. The token's subject is not used:
# GitHub has two forms of it.
set_up_keyless() {
  local repository=${1%@*} id=${1#"${1%@*}"} stage=$2 pool=${PREFIX:+$PREFIX-}github parent path deployer reader condition role email
  APIS+=(iamcredentials sts)
  need_project
  need_apis
  need_own_bucket
  [[ $BUCKET_EXISTS == true ]] || die "gs://$BUCKET does not exist yet: run ./deploy.sh up first"
  for email in "$FUNCTION_EMAIL" "$EVENTS_EMAIL" "$TRIGGER_EMAIL" "$BUILD_EMAIL"; do
    there account.json iam "v1/projects/$PROJECT_ID/serviceAccounts/$email" || die "the account $email does not exist yet: run ./deploy.sh up first"
  done
  parent=v1/projects/$PROJECT_ID/locations/global/workloadIdentityPools
  path=projects/$PROJECT_NUMBER/locations/global/workloadIdentityPools/$pool
  deployer=principalSet://iam.googleapis.com/$path/attribute.environment/$stage
  reader=principalSet://iam.googleapis.com/$path/attribute.repository/$repository
  condition="assertion.repository=='$repository'"
  [[ -z $id ]] || condition+=" && assertion.repository_id=='${id#@}'"
  apply_pool "$parent/$pool" "$pool"
  apply_provider "$parent/$pool" "$pool" reading "$condition" repository
  apply_provider "$parent/$pool" "$pool" deploying "$condition && assertion.environment=='$stage'" environment
  for role in "${READER_ROLES[@]}"; do grant projects "$PROJECT_ID" "roles/$role" "$reader"; done
  for role in "${DEPLOYER_ROLES[@]}"; do grant projects "$PROJECT_ID" "roles/$role" "$deployer"; done
  # Models are verified before anything else. A published one can be added, but not replaced or deleted.
  for role in storage.legacyBucketReader storage.objectViewer; do
    grant 'storage buckets' "gs://$BUCKET" "roles/$role" "$reader"
    grant 'storage buckets' "gs://$BUCKET" "roles/$role" "$deployer"
  done
  grant 'storage buckets' "gs://$BUCKET" roles/storage.objectCreator "$deployer"
  for email in "$FUNCTION_EMAIL" "$EVENTS_EMAIL" "$TRIGGER_EMAIL" "$BUILD_EMAIL"; do
    grant 'iam service-accounts' "$email" roles/iam.serviceAccountUser "$deployer"
  done
  grant 'iam service-accounts' "$TRIGGER_EMAIL" roles/iam.serviceAccountOpenIdTokenCreator "$deployer"
  [[ $DRY_RUN == true ]] || cat <<SUMMARY

Set three variables in GitHub (docs/how-to/deploy-from-ci.md):
  PROJECT_ID              $PROJECT_ID
  WORKLOAD_IDENTITY_POOL  $path
  DEPLOY_ENV              the lines of $CONFIG, also in the environment $stage
SUMMARY
}

# A deleted pool keeps its name for 30 days, and can be restored.
apply_pool() {
  local path=$1 pool=$2
  if ! there pool.json iam "$path"; then
    change gcloud iam workload-identity-pools create "$pool" --location global --display-name 'GitHub Actions' "${ON_PROJECT[@]}"
  elif [[ $(state get "$WORK/pool.json" state) == DELETED ]]; then
    change gcloud iam workload-identity-pools undelete "$pool" --location global "${ON_PROJECT[@]}"
  fi
}

# apply_provider POOL-PATH POOL PROVIDER CONDITION CLAIM: the provider that accepts GitHub's tokens under a condition, and hands
# on one claim. Without a condition it would trust every repository of GitHub.
apply_provider() {
  local path=$1 pool=$2 provider=$3 condition=$4 claim=$5 verb=create-oidc
  printf '{"attributeCondition": "%s", "attributeMapping": {"google.subject": "assertion.sub", "attribute.%s": "assertion.%s"},
    "oidc": {"issuerUri": "%s"}}' "$condition" "$claim" "$claim" "$GITHUB_ISSUER" >"$WORK/provider-wanted.json"
  if there provider.json iam "$path/providers/$provider"; then
    ! state covers "$WORK/provider.json" "$WORK/provider-wanted.json" || return 0
    verb=update-oidc
  fi
  change gcloud iam workload-identity-pools providers "$verb" "$provider" --workload-identity-pool "$pool" --location global \
    --issuer-uri "$GITHUB_ISSUER" --attribute-mapping "google.subject=assertion.sub,attribute.$claim=assertion.$claim" \
    --attribute-condition "$condition" "${ON_PROJECT[@]}"
}

# trigger_token: an identity token for a federated login, which has none of its own: IAM Credentials gives one of the trigger
# account. So that account must be allowed to call the HTTP function. Sets IDENTITY_TOKEN.
trigger_token() {
  local member=serviceAccount:$TRIGGER_EMAIL
  # What gcloud says of a federated login. Any other failure is one.
  grep -q 'No identity token can be obtained' "$WORK/identity.error" || die "gcloud did not give an identity token: $(tail -n 1 "$WORK/identity.error")"
  if [[ " ${MEMBERS[*]} " != *" $member "* ]]; then
    grant 'run services' "$FUNCTION" roles/run.invoker "$member"
    MEMBERS+=("$member") # Once is enough.
  fi
  printf '{"audience": "%s", "includeEmail": true}' "$URL" >"$WORK/audience.json"
  ask identity.json iamcredentials "v1/projects/-/serviceAccounts/$TRIGGER_EMAIL:generateIdToken" \
    -H 'Content-Type: application/json' --data-binary "@$WORK/audience.json"
  [[ $HTTP_STATUS == 200 ]] ||
    die "this login has no identity token, and IAM Credentials gives it none of $TRIGGER_EMAIL: $(refusal identity.json)"
  IDENTITY_TOKEN=$(state get "$WORK/identity.json" token)
}
