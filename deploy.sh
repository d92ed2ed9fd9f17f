#!/usr/bin/env bash
# Deploys the two functions to Google Cloud, with everything that they need. The steps are in ops/deploy/*.sh.
set -Eeuo pipefail
if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
  echo "deploy.sh: bash 4.4 or newer is needed, this is $BASH_VERSION" >&2 # macOS still comes with 3.2.
  exit 1
fi

usage() {
  cat <<'HELP'
Usage: ./deploy.sh [OPTION]... COMMAND

Commands. Each can be run again at any time; it changes only what differs
  up                   set up or update everything: accounts, bucket, model, both functions, topics, monitoring
  promote              up, with the code and the model that another deployment serves (--from FILE), if it is well
  release              only publish the model and release the HTTP function
  monitoring           only apply dashboard, alerts, log-based metrics, uptime check and objectives
  status               list the revisions with their traffic, tags, model versions and digests
  rollback [REVISION]  give all traffic to this revision of the HTTP function, and all messages to the revision of the
                       events function that served beside it; default: the ones that served before
  logs [FRESHNESS]     show what both functions logged; default: in the last 1h
  keyless OWNER/REPO[@ID] [ENVIRONMENT]
                       let GitHub Actions deploy without keys, from jobs in the environment; default: production
  bigquery             let SQL use the model in service: an imported model, and functions that call the service
  batch INPUT OUTPUT   score the files that INPUT (gs://...) matches with Dataflow; answers go to the folder OUTPUT
  drift [FRESHNESS]    has the traffic changed since the model was published? reads the logs of the last 31d
  down                 delete everything except the buckets; asks first

Options
  --config FILE        the settings; default: deploy.env beside this script (copy deploy.env.example)
  --dry-run            print the commands, ready to paste, and change nothing
  --agreement N        compare both revisions on N penguins first, and stop if they disagree too often
  --public             up, promote: let everybody call the HTTP function, until the next up without this option
  --from FILE          promote: the settings of the other deployment
  --with-data          down: also delete the bucket for models and every model in it
  --yes                down: do not ask
  -h, --help

The HTTP function is released blue-green: a new revision is deployed without traffic and tested at a URL of its own.
Then it gets 5, 25, 50 and 100 % of the traffic. At each step it is compared with the old one, and smoke-tested. Any
failure, and Ctrl-C, give all traffic back to the old revision.

Exit status: 0 done; 1 failed, with the reason in the last line; 2 wrong command line.
HELP
}

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHON=${PYTHON:-$HERE/.venv/bin/python}
OPS_DIR=${OPS_DIR:-$HERE/ops}
BEAM_PYTHON=${BEAM_PYTHON:-$HERE/.venv-beam/bin/python}
CONFIG=$HERE/deploy.env FROM='' RENDERED=$HERE/build/ops
DRY_RUN=false PUBLIC=false WITH_DATA=false ASSUME_YES=false AGREEMENT=0

# shellcheck source=ops/deploy/common.sh
source "$HERE/ops/deploy/common.sh"
# shellcheck source=ops/deploy/config.sh
source "$HERE/ops/deploy/config.sh"
# shellcheck source=ops/deploy/preflight.sh
source "$HERE/ops/deploy/preflight.sh"
# shellcheck source=ops/deploy/resources.sh
source "$HERE/ops/deploy/resources.sh"
# shellcheck source=ops/deploy/functions.sh
source "$HERE/ops/deploy/functions.sh"
# shellcheck source=ops/deploy/release.sh
source "$HERE/ops/deploy/release.sh"
# shellcheck source=ops/deploy/access.sh
source "$HERE/ops/deploy/access.sh"
# shellcheck source=ops/deploy/events.sh
source "$HERE/ops/deploy/events.sh"
# shellcheck source=ops/deploy/canary.sh
source "$HERE/ops/deploy/canary.sh"
# shellcheck source=ops/deploy/keyless.sh
source "$HERE/ops/deploy/keyless.sh"
# shellcheck source=ops/deploy/files.sh
source "$HERE/ops/deploy/files.sh"
# shellcheck source=ops/deploy/monitoring.sh
source "$HERE/ops/deploy/monitoring.sh"
# shellcheck source=ops/deploy/operate.sh
source "$HERE/ops/deploy/operate.sh"
# shellcheck source=ops/deploy/rollback.sh
source "$HERE/ops/deploy/rollback.sh"
# shellcheck source=ops/deploy/leftovers.sh
source "$HERE/ops/deploy/leftovers.sh"
# shellcheck source=ops/deploy/promote.sh
source "$HERE/ops/deploy/promote.sh"
# shellcheck source=ops/deploy/down.sh
source "$HERE/ops/deploy/down.sh"
# shellcheck source=ops/deploy/drift.sh
source "$HERE/ops/deploy/drift.sh"
# shellcheck source=ops/deploy/bigquery.sh
source "$HERE/ops/deploy/bigquery.sh"
# shellcheck source=ops/deploy/batch.sh
source "$HERE/ops/deploy/batch.sh"

misused() {
  trap - EXIT
  rm -rf "$RUN"
  say "deploy.sh: $1 (./deploy.sh --help)"
  exit 2
}

# Steps that do not need each other run at the same time. The functions are in service before anything that may fail without
# harm to them: access for others, files, monitoring.
up() {
  local service_url
  preflight
  at_once apply_function_account apply_events_account apply_trigger_account apply_build_account apply_bucket apply_topics
  at_once publish_unless_in_service apply_bucket_grants apply_results_grant apply_rejects_grant apply_pubsub_agent \
    keep_results keep_rejects keep_dead_letters
  release
  service_url=$URL EVENTS_URL=''
  at_once apply_events_function admit_callers
  [[ -n $EVENTS_URL ]] || { read_service "$EVENTS_FUNCTION" && EVENTS_URL=$URL; }
  at_once apply_trigger apply_trigger_grant
  attempt apply_files
  URL=$service_url
  attempt apply_monitoring
  attempt apply_image_cleanup
  attempt apply_audit_log
  [[ $DRY_RUN == true ]] || summarise
  SAFE_STATE='both functions are in service'
  complain
}

# shellcheck disable=SC2329  # `at_once` calls it
admit_callers() {
  attempt apply_access
  attempt apply_monitoring_agent
}

only_release() {
  preflight
  [[ $BUCKET_EXISTS == true ]] || die "gs://$BUCKET does not exist yet: run ./deploy.sh up first"
  release
}

only_monitoring() {
  need_project
  service_there "$FUNCTION" || die "$FUNCTION is not deployed: run ./deploy.sh up first"
  URL=$(state get "$WORK/service.json" status.url)
  apply_monitoring_agent
  apply_monitoring
}

summarise() {
  cat <<SUMMARY

In service: $URL
Model:      $MODEL_URI
            $MODEL_DIGEST
Events in:  gcloud pubsub topics publish $INPUT_TOPIC --project $PROJECT_ID --message '{...}'
Try:
  curl $URL/predict -H "Authorization: Bearer \$(gcloud auth print-identity-token)" -H 'Content-Type: application/json' -d '{"bill_length_mm": 39.1, "bill_depth_mm": 18.7, "flipper_length_mm": 181.0, "body_mass_g": 3750.0, "sex": "male", "island": "Torgersen"}'
SUMMARY
}

main() {
  local words=()
  while (($#)); do
    case $1 in
      -h | --help) usage; exit 0 ;;
      --dry-run) DRY_RUN=true ;;
      --public) PUBLIC=true ;;
      --with-data) WITH_DATA=true ;;
      --yes) ASSUME_YES=true ;;
      --config | --agreement | --from)
        (($# > 1)) || misused "$1 needs a value"
        case $1 in --config) CONFIG=$2 ;; --from) FROM=$2 ;; *) AGREEMENT=$2 ;; esac
        shift
        ;;
      -*) misused "unknown option $1" ;;
      *) words+=("$1") ;;
    esac
    shift
  done
  [[ $AGREEMENT =~ ^(0|[1-9][0-9]{0,5})$ ]] || misused "--agreement needs a number of penguins"
  ((${#words[@]})) || misused 'a command is missing'
  case ${words[0]} in
    keyless)
      [[ ${#words[@]} == [23] && ${words[1]} =~ ^[A-Za-z0-9-]+/[A-Za-z0-9._-]+(@[0-9]+)?$ && ${words[2]:-production} =~ ^[A-Za-z0-9._-]+$ ]] ||
        misused 'keyless needs OWNER/REPOSITORY, and may have an environment'
      ;;
    rollback | logs | drift) ((${#words[@]} <= 2)) || misused "${words[0]} takes at most one argument" ;;
    batch)
      [[ ${#words[@]} == 3 && ${words[1]} == gs://?*/?* && ${words[2]} == gs://?*/?* ]] || misused 'batch needs a pattern and a folder, both gs://BUCKET/...'
      ;;
    up | promote | release | monitoring | status | bigquery | down) ((${#words[@]} == 1)) || misused "${words[0]} takes no argument" ;;
    *) misused "unknown command ${words[0]}" ;;
  esac
  [[ $PUBLIC == false || ${words[0]} =~ ^(up|promote)$ ]] || misused "--public works with up and promote only"
  [[ ${words[0]} != promote || -n $FROM ]] || misused "promote needs --from FILE, the settings of the deployment that was tried"
  [[ ${words[0]} == promote || -z $FROM ]] || misused "--from works with promote only"
  [[ $WITH_DATA == false || ${words[0]} == down ]] || misused "--with-data works with down only"

  load_defaults
  load_config "$CONFIG"
  check_config
  need_programs
  case ${words[0]} in
    up) up ;;
    promote) promote ;;
    release) only_release ;;
    monitoring) only_monitoring ;;
    status) show_status ;;
    rollback) rollback "${words[1]:-}" ;;
    keyless) set_up_keyless "${words[1]}" "${words[2]:-production}" ;;
    logs) show_logs "${words[1]:-}" ;;
    bigquery) set_up_bigquery ;;
    batch) submit_batch "${words[1]}" "${words[2]}" ;;
    drift) show_drift "${words[1]:-}" ;;
    down) take_down ;;
  esac
}

# Both commands on one line: bash reads a script while it runs, so a `git pull` could otherwise change this one midway.
main "$@"; exit
