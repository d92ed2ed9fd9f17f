# Releases here what another deployment serves: the same code, the same model. Sourced by deploy.sh.
# shellcheck shell=bash

# The model that another deployment serves, and the digest of the files that its code is built from.
STAGED_URI='' STAGED_SOURCE=''

promote() {
  local folder values
  folder=$(mktemp -d "$RUN/task.XXXXXX")
  in_task "$folder" inspect_staging || die "$FROM: $(cat "$folder/reason")"
  mapfile -t values <"$RUN/staged"
  STAGED_URI=${values[0]} MODEL_DIGEST=${values[1]} STAGED_SOURCE=${values[2]}
  MODEL_URI=gs://$BUCKET/$MODEL_ROOT/${STAGED_URI##*/}
  [[ $STAGED_URI != "$MODEL_URI" ]] || STAGED_URI='' # One bucket for both: nothing to copy.
  up
  say "to release the same again with ./deploy.sh up, set in $CONFIG: MODEL_URI=$MODEL_URI MODEL_DIGEST=$MODEL_DIGEST"
}

# Runs in a task, with the settings of the other deployment. Passes on its model and the digest of its source.
inspect_staging() {
  local alerts
  load_defaults
  load_config "$FROM"
  CONFIG=$FROM
  check_config
  say "looking at $FUNCTION of $FROM"
  need_project
  read_model_in_service
  [[ $(state share "$WORK/service.json" "$IN_SERVICE") == 100 ]] || die "two revisions of $FUNCTION share the traffic: its release is not finished"
  URL=$(state get "$WORK/service.json" status.url) MODEL_LOCAL=''
  must_read alerts.json monitoring "v3/projects/$PROJECT_ID/alerts" --get --data-urlencode 'filter=state="OPEN"'
  alerts=$(state alerts-of "$WORK/alerts.json" "$FUNCTION: ") || die "an alert of $FUNCTION is open: $alerts"
  smoke "$URL" "of $IN_SERVICE"
  printf '%s\n' "$MODEL_URI" "$MODEL_DIGEST" "$(state variable "$WORK/revision.json" SOURCE)" >"$RUN/staged"
}

# Code that was not tried in the other deployment is not released.
need_same_source() {
  [[ -z $STAGED_SOURCE || $STAGED_SOURCE == "$SOURCE" ]] ||
    die "$FROM serves other code than what is in this folder: check out the commit that ./deploy.sh --config $FROM status shows"
}

# The copied bytes are verified before anything serves them.
copy_model() {
  change gcloud storage cp --recursive --no-clobber "$STAGED_URI" "gs://$BUCKET/$MODEL_ROOT/" "${ON_PROJECT[@]}"
  [[ $DRY_RUN == true ]] || predictor verify "$MODEL_URI" --digest "$MODEL_DIGEST" >&2 || die "the copy of the model in $MODEL_URI is bad (see above)"
  mark_made "model $MODEL_URI"
}
