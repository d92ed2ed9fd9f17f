# What deployments leave behind, and who may be asked about it: container images, and the log of who wrote to buckets.
# Sourced by deploy.sh.
# shellcheck shell=bash

# image_repository: where Google keeps the images of functions in this region, unless IMAGE_REPOSITORY names another.
image_repository() { printf '%s' "${IMAGE_REPOSITORY:-projects/$PROJECT_ID/locations/$REGION/repositories/gcf-artifacts}"; }

# The repository belongs to all functions of the region: our policies are for the packages of our two functions, and others
# stay. `rollback` needs the image of the revision that it goes back to.
apply_image_cleanup() {
  local repository
  repository=$(image_repository)
  ((IMAGES_KEPT > 0)) || return 0
  ask repository.json artifactregistry "v1/$repository" --retry 2
  case $HTTP_STATUS in
    200) ;;
    404) return 0 ;; # A dry run of the first `up`.
    403) say "you may not see the images in $repository: their cleanup stays as it is" && return 0 ;; # A login of CI.
    *) die "cannot read $repository: $(refusal repository.json)" ;;
  esac
  if state cleanup "$WORK/repository.json" "$WORK/cleanup.json" "$IMAGES_KEPT" "$(package_of "$FUNCTION")" "$(package_of "$EVENTS_FUNCTION")"; then return 0; fi
  send PATCH artifactregistry "v1/$repository?updateMask=cleanupPolicies,cleanupPolicyDryRun" cleanup.json
}

# package_of FUNCTION: dashes are doubled in the names of packages.
package_of() { printf '%s' "${PROJECT_ID//-/--}__${REGION//-/--}__${1//-/--}"; }

# Who reads and writes objects is logged only if a project asks for it.
apply_audit_log() {
  read_policy projects "$PROJECT_ID" policy.json || die "cannot read who has which role in $PROJECT_ID"
  if state audited "$WORK/policy.json" "$WORK/audit.json"; then return 0; fi
  if [[ $AUDIT_STORAGE == true ]]; then
    send POST cloudresourcemanager "v1/projects/$PROJECT_ID:setIamPolicy" audit.json
  else
    say "nobody records who writes to gs://$BUCKET: set AUDIT_STORAGE=true in $CONFIG if you want to know (docs/how-to/runbook.md, corrupt-artifact)"
  fi
}

# What `down` does not delete.
name_leftovers() {
  say "left in $PROJECT_ID: $([[ $WITH_DATA == true ]] || printf 'gs://%s with its models, ' "$BUCKET")the images in $(image_repository)," \
    "the sources in gs://gcf-v2-sources-$PROJECT_NUMBER-$REGION, logs, service agents, enabled APIs, audit settings"
}
