# Who may call the HTTP function. Sourced by deploy.sh.
# shellcheck shell=bash

# Lets the members in INVOKERS call the function, and everybody only with --public. Access that was given to others by hand
# stays and is listed, except access for everybody, which is revoked.
apply_access() {
  local member others=() known
  for member in "${MEMBERS[@]}"; do
    grant 'run services' "$FUNCTION" roles/run.invoker "$member"
  done
  if [[ $PUBLIC == true ]]; then open_to_everybody; else close_to_others; fi
  read_policy 'run services' "$FUNCTION" policy.json || return 0 # A dry run of the first `up`.
  mapfile -t others < <(state members "$WORK/policy.json" roles/run.invoker)
  # The trigger account may call it where a federated login has deployed (`trigger_token`).
  known=" ${MEMBERS[*]} $MONITORING_AGENT serviceAccount:$TRIGGER_EMAIL allUsers allAuthenticatedUsers "
  for member in "${others[@]}"; do
    # BigQuery's connections call as accounts of this kind.
    [[ $known == *" $member "* || $member == *@gcp-sa-bigquery-condel.iam.gserviceaccount.com ]] || say "$member may call $FUNCTION too, though INVOKERS does not name it; to revoke this: $(quoted gcloud run services \
      remove-iam-policy-binding "$FUNCTION" --member "$member" --role roles/run.invoker "${IN_REGION[@]}")"
  done
}

# A service is open to everybody in one of two ways: Cloud Run does not check who calls, or allUsers may invoke it.
check_is_off() { service_there "$FUNCTION" && state annotated "$WORK/service.json" metadata.annotations run.googleapis.com/invoker-iam-disabled true; }
all_may_invoke() { read_policy 'run services' "$FUNCTION" policy.json && state bound "$WORK/policy.json" roles/run.invoker "${1:-allUsers}"; }

# Google recommends to switch the check off, since a policy of the organization (domain-restricted sharing) may forbid to
# grant anything to allUsers. Another policy may forbid to switch it off. So the grant is tried after it.
open_to_everybody() {
  if check_is_off || all_may_invoke; then return 0; fi
  if change gcloud run services update "$FUNCTION" --no-invoker-iam-check "${IN_REGION[@]}" --format none; then return 0; fi
  say "trying it with a grant to allUsers instead"
  change gcloud run services add-iam-policy-binding "$FUNCTION" --member allUsers --role roles/run.invoker --format none "${IN_REGION[@]}" ||
    die "$FUNCTION could not be opened to everybody: a policy of the organization forbids both ways (see above)"
}

close_to_others() {
  local member
  if check_is_off; then
    say "$FUNCTION is open to everybody: closing it, since --public is not given"
    change gcloud run services update "$FUNCTION" --invoker-iam-check "${IN_REGION[@]}" --format none
  fi
  for member in allUsers allAuthenticatedUsers; do
    if all_may_invoke "$member"; then
      say "$FUNCTION is open to $member: closing it, since --public is not given"
      change gcloud run services remove-iam-policy-binding "$FUNCTION" --member "$member" --role roles/run.invoker --format none "${IN_REGION[@]}"
    fi
  done
}
