# Deploys the two functions with `gcloud functions deploy`, so that `gcloud functions call` works. Sourced by deploy.sh.
# shellcheck shell=bash

# Sets GIT_COMMIT, in a form that is valid in a label, and SOURCE, a digest of the files to upload.
describe_source() {
  GIT_COMMIT=$(git -C "$HERE" rev-parse --short=12 HEAD 2>/dev/null) || GIT_COMMIT=unknown
  if [[ $GIT_COMMIT != unknown && -n $(git -C "$HERE" status --porcelain -- main.py predictor requirements.txt) ]]; then
    GIT_COMMIT+=-dirty
  fi
  SOURCE=$(state fingerprint "$HERE" "$RUN/files")
}

# Lists the files to upload in $RUN/files.
list_files() {
  gcloud meta list-files-for-upload "$HERE" --quiet >"$WORK/files.new" 2>"$WORK/files.error" || die "cannot list the files to upload: $(tail -n 1 "$WORK/files.error")"
  mv "$WORK/files.new" "$RUN/files"
}

# function_flags NAME: sets FLAGS to the function's source and settings, and FINGERPRINT to a digest of both.
function_flags() {
  local key environment=(MODEL_URI="$MODEL_URI" MODEL_DIGEST="$MODEL_DIGEST" MODEL_LOADING=eager LOG_LEVEL="$LOG_LEVEL" GOOGLE_CLOUD_PROJECT="$PROJECT_ID")
  FLAGS=(--gen2 --runtime python313 --trigger-http --source "$HERE" --build-service-account "projects/$PROJECT_ID/serviceAccounts/$BUILD_EMAIL"
    --cpu "$CPU" --memory "$MEMORY")
  [[ -z $VPC_CONNECTOR ]] || FLAGS+=(--vpc-connector "$VPC_CONNECTOR" --egress-settings "$VPC_EGRESS")
  [[ -z $KMS_KEY ]] || FLAGS+=(--kms-key "$KMS_KEY" --docker-repository "$IMAGE_REPOSITORY")
  for key in $LIMITS; do [[ -z ${!key} ]] || environment+=("$key=${!key}"); done
  if [[ $1 == "$FUNCTION" ]]; then
    FLAGS+=(--entry-point predict --service-account "$FUNCTION_EMAIL" --ingress-settings "$INGRESS" --timeout "${TIMEOUT_S}s"
      --concurrency "$CONCURRENCY" --min-instances "$MIN_INSTANCES" --max-instances "$MAX_INSTANCES")
    [[ -z $CORS_ORIGINS ]] || environment+=(CORS_ORIGINS="$CORS_ORIGINS")
    [[ -z $PROTOCOLS ]] || environment+=(PROTOCOLS="$PROTOCOLS")
    [[ $FEEDBACK == false ]] || environment+=(FEEDBACK="$FEEDBACK")
  else
    environment+=(RESULTS_TOPIC="projects/$PROJECT_ID/topics/$RESULTS_TOPIC" REJECTS_TOPIC="projects/$PROJECT_ID/topics/$REJECTS_TOPIC")
    [[ -z $RESULTS_BUCKET ]] || environment+=(RESULTS_BUCKET="$RESULTS_BUCKET")
    FLAGS+=(--entry-point score --service-account "$EVENTS_EMAIL" --ingress-settings internal-only --timeout "${EVENTS_TIMEOUT_S}s"
      --concurrency "$EVENTS_CONCURRENCY" --min-instances "$EVENTS_MIN_INSTANCES" --max-instances "$EVENTS_MAX_INSTANCES")
  fi
  local IFS='|' # See `gcloud topic escaping`: values may contain commas.
  FLAGS+=(--set-env-vars "^|^${environment[*]}")
  IFS=' '
  local all=("${FLAGS[@]/#"$HERE"/.}")
  [[ $CPU_ALWAYS == false ]] || all+=(--no-cpu-throttling)
  FINGERPRINT=$(state fingerprint "$HERE" "$RUN/files" "${all[@]}")
}

# service_there NAME: whether the Cloud Run service exists; it is then in $WORK/service.json.
service_there() { there service.json run "apis/serving.knative.dev/v1/namespaces/$PROJECT_ID/services/$1"; }

# Sets IN_SERVICE to the revision in service, and MODEL_URI and MODEL_DIGEST to its model.
read_model_in_service() {
  service_there "$FUNCTION" || die "$FUNCTION is not deployed"
  read -r IN_SERVICE _ < <(state blue "$WORK/service.json" "$TAG") || die "$FUNCTION has no revision in service"
  read_revision "$IN_SERVICE" || die "$IN_SERVICE does not exist any more"
  { MODEL_URI=$(state variable "$WORK/revision.json" MODEL_URI) && MODEL_DIGEST=$(state variable "$WORK/revision.json" MODEL_DIGEST); } ||
    die "$IN_SERVICE was not deployed with ./deploy.sh: it has no pinned model"
}

# Whether the wanted source and settings are in service already, with all traffic. The revision tells; the function's own
# description may come from a deployment that failed.
in_service() {
  local name
  there function.json cloudfunctions "v2/projects/$PROJECT_ID/locations/$REGION/functions/$1" &&
    [[ $(state get "$WORK/function.json" state) == ACTIVE ]] &&
    service_there "$1" &&
    read -r name _ < <(state blue "$WORK/service.json" none) &&
    [[ $(state share "$WORK/service.json" "$name") == 100 ]] &&
    read_revision "$name" &&
    [[ $(state variable "$WORK/revision.json" FINGERPRINT) == "$FINGERPRINT" ]]
}

read_revision() { there revision.json run "apis/serving.knative.dev/v1/namespaces/$PROJECT_ID/revisions/$1"; }

# deploy_function NAME REPLACES [FLAG...]: the new revision records what it is made of and which revision it replaces;
# `up` and `rollback` read this. Permissions are not changed, so nobody gets access before a revision has passed its checks.
# On a failure WHY says more.
deploy_function() {
  local name=$1 flags=("${FLAGS[@]}") begun=$SECONDS
  flags[-1]+="|FINGERPRINT=$FINGERPRINT|REPLACES=$2|SOURCE=$SOURCE"
  [[ $name == "$FUNCTION" ]] || flags[-1]+="|HTTP_REVISION=$HTTP_REVISION"
  shift 2
  until change gcloud functions deploy "$name" "${flags[@]}" "$@" \
    --update-labels "git-commit=$GIT_COMMIT,model-version=$MODEL_VERSION" "${IN_REGION[@]}" --format none; do
    WHY='its message is above'
    may_succeed_later "$name" || return 1
    wait_for "$MISSING" "$begun" "$PROPAGATION_S" || { WHY=$REASON && return 1; }
  done
  apply_cpu_allocation "$name"
}

# What Google says when it does not know yet what an account may do: Cloud Build, the deployment, and the start.
CANNOT_ACT='iam\.service[aA]ccounts\.actAs|permission to act as'
CANNOT_BUILD="missing permission on the build service account|does not have permission to write logs|[Aa]ccess to bucket .* denied"
CANNOT_BUILD+="|does not have (storage\.objects|artifactregistry\.)|service account .*(does not exist|not found)|Permission '?(storage|artifactregistry|logging)\."
CANNOT_START='failed to start and listen on the port|Container Healthcheck failed'

# may_succeed_later NAME: whether a failed deployment is worth another attempt, since it needs a grant that was made a moment
# ago; then MISSING says which. A start may fail for many reasons: its log must not name another one.
may_succeed_later() {
  if grep -qiE -- "$CANNOT_BUILD|$CANNOT_ACT" "$WORK/said"; then
    MISSING="what the account $BUILD_EMAIL may do"
    is_made "grant projects $PROJECT_ID" || ! service_there "$1" # An `up` that was interrupted may have made it.
  elif grep -qiE -- "$CANNOT_START" "$WORK/said"; then
    MISSING="the permission to read gs://$BUCKET"
    is_made "grant storage buckets gs://$BUCKET" && ! failed_for_another_reason "$1"
  else
    return 1
  fi
}

# Whether the function logged in the last ten minutes why it cannot start, and it is not that the bucket refused it.
failed_for_another_reason() {
  local filter
  filter="resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"$1\" AND jsonPayload.event=(\"model_load_failed\" OR \"cannot_start\")"
  filter+=" AND timestamp>=\"$(date -u -d '10 minutes ago' +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -v-10M +%Y-%m-%dT%H:%M:%SZ)\""
  printf '{"resourceNames": ["projects/%s"], "orderBy": "timestamp desc", "pageSize": 1, "filter": "%s"}' "$PROJECT_ID" "${filter//\"/\\\"}" >"$WORK/why-asked.json"
  ask why.json logging v2/entries:list -H 'Content-Type: application/json' --data-binary "@$WORK/why-asked.json"
  state get "$WORK/why.json" entries >"$WORK/entries.json" && ! state refused-by-bucket "$WORK/entries.json"
}

# `gcloud functions deploy` has no flag for it. The new revision replaces the one that was deployed a moment ago.
apply_cpu_allocation() {
  if [[ $CPU_ALWAYS == true ]]; then
    change gcloud run services update "$1" --no-cpu-throttling "${IN_REGION[@]}" --format none
  elif [[ $DRY_RUN == false ]] && service_there "$1" && state annotated "$WORK/service.json" spec.template.metadata.annotations run.googleapis.com/cpu-throttling false; then
    change gcloud run services update "$1" --cpu-throttling "${IN_REGION[@]}" --format none
  fi
}

# read_service NAME: sets URL, and the service in $WORK/service.json.
read_service() {
  local variable=URL
  [[ $1 == "$FUNCTION" ]] || variable=EVENTS_URL
  if service_there "$1"; then
    URL=$(state get "$WORK/service.json" status.url) || die "the service $1 has no URL"
  elif [[ $DRY_RUN == true ]]; then
    printf "%s=\$(%s)\n" "$variable" "$(quoted gcloud run services describe "$1" "${IN_REGION[@]}" --format 'value(status.url)')"
    URL="\$$variable"
  else
    die "the service $1 does not exist although it was deployed"
  fi
}
