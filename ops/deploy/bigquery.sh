# The command `bigquery`: the model in service for SQL, as an imported model and as remote functions. Sourced by deploy.sh.
# shellcheck shell=bash

objects() { (cd "$HERE" && "$PYTHON" -Es -m ops.deploy.bigquery "$@"); }

# BigQuery's public data lies in the multi-regions US and EU, and a query runs in one location.
bigquery_location() {
  case $REGION in
    us-*) printf US ;;
    europe-*) printf EU ;;
    *) printf '%s' "$REGION" ;;
  esac
}

set_up_bigquery() {
  local location connection name account
  location=$(bigquery_location)
  connection=projects/$PROJECT_ID/locations/$location/connections/$BIGQUERY_CONNECTION
  APIS+=(bigquery bigqueryconnection)
  need_project
  need_apis
  read_model_in_service
  URL=$(state get "$WORK/service.json" status.url)
  need_bigquery_form
  apply_dataset "$location"
  account=$(apply_connection "$connection") # Empty in a dry run of the first time.
  OUR_MEMBERS+=" $account"
  grant 'run services' "$FUNCTION" roles/run.invoker "serviceAccount:${account:-ACCOUNT_OF_THE_CONNECTION}"
  for name in $(objects names); do apply_remote_function "$name" "$connection"; done
  apply_imported_model "$location"
  [[ $location == US ]] || say "the second query reads a table in the US: copy it to $location first"
  objects queries "$PROJECT_ID" "$BIGQUERY_DATASET"
}

# BigQuery reads the object itself, so it is verified here.
need_bigquery_form() {
  local bucket=${MODEL_URI#gs://} name
  name=${bucket#*/}/bigquery.onnx
  there form.json storage "storage/v1/b/${bucket%%/*}/o/${name//\//%2F}" ||
    die "the model in service, $MODEL_URI, was published without bigquery.onnx: publish and release it again"
  need_good_model
}

apply_dataset() {
  local path=bigquery/v2/projects/$PROJECT_ID/datasets found
  if there dataset.json bigquery "$path/$BIGQUERY_DATASET"; then
    found=$(state get "$WORK/dataset.json" location)
    [[ $found == "$1" ]] || die "the dataset $BIGQUERY_DATASET is in $found, not in $1: set another BIGQUERY_DATASET"
    return 0
  fi
  printf '{"datasetReference": {"projectId": "%s", "datasetId": "%s"}, "location": "%s"}' "$PROJECT_ID" "$BIGQUERY_DATASET" "$1" >"$WORK/dataset.json"
  send POST bigquery "$path" dataset.json
}

# apply_connection NAME: prints the account with which BigQuery calls the function.
apply_connection() {
  if ! there connection.json bigqueryconnection "v1/$1"; then
    printf '{"friendlyName": "%s", "cloudResource": {}}' "$FUNCTION" >"$WORK/connection.json"
    send POST bigqueryconnection "v1/${1%/*}?connectionId=${1##*/}" connection.json >&2
    [[ $DRY_RUN == false ]] || return 0
    must_read connection.json bigqueryconnection "v1/$1"
  fi
  state get "$WORK/connection.json" cloudResource.serviceAccountId
}

apply_remote_function() {
  local path=bigquery/v2/projects/$PROJECT_ID/datasets/$BIGQUERY_DATASET/routines
  objects routine "$PROJECT_ID" "$BIGQUERY_DATASET" "$1" "$2" "$URL/bigquery" >"$WORK/routine-$1.json"
  if ! there routine.json bigquery "$path/$1"; then
    send POST bigquery "$path" "routine-$1.json"
  elif ! state covers "$WORK/routine.json" "$WORK/routine-$1.json"; then
    send PUT bigquery "$path/$1" "routine-$1.json"
  fi
}

# The description says which model was imported: an imported model does not.
apply_imported_model() {
  local path
  path=bigquery/v2/projects/$PROJECT_ID/datasets/$BIGQUERY_DATASET/models/$(objects model)
  if there model.json bigquery "$path" && [[ $(state get "$WORK/model.json" description) == "$MODEL_DIGEST" ]]; then return 0; fi
  objects creation "$PROJECT_ID" "$BIGQUERY_DATASET" "$MODEL_URI" "$1" >"$WORK/creation.json"
  send POST bigquery "bigquery/v2/projects/$PROJECT_ID/queries" creation.json
  [[ $DRY_RUN == true || $(state get "$WORK/sent.json" jobComplete) == true ]] ||
    die "BigQuery is still importing the model: run this again in a minute"
  printf '{"description": "%s"}' "$MODEL_DIGEST" >"$WORK/description.json"
  send PATCH bigquery "$path" description.json
}
