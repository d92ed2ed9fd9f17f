# The command `batch`: scores files in a bucket with Dataflow and the model in service. Sourced by deploy.sh.
# shellcheck shell=bash

# submit_batch INPUT OUTPUT: a pattern and a folder, both gs://. Waits until the job has ended.
submit_batch() {
  local input=$1 output=${2%/} bucket wheels=$HERE/build/batch command
  APIS+=(compute dataflow)
  need_project
  need_apis
  for bucket in "$(bucket_of "$input")" "$(bucket_of "$output")"; do
    there batch-bucket.json storage "storage/v1/b/$bucket" || die "gs://$bucket does not exist"
  done
  read_model_in_service
  [[ -x $BEAM_PYTHON || $DRY_RUN == true ]] || die "there is no $BEAM_PYTHON: run 'make beam' first, or set BEAM_PYTHON"
  apply_batch_account
  grant 'storage buckets' "gs://$(bucket_of "$MODEL_URI")" roles/storage.objectViewer "serviceAccount:$BATCH_EMAIL"
  grant 'storage buckets' "gs://$(bucket_of "$input")" roles/storage.objectViewer "serviceAccount:$BATCH_EMAIL"
  grant 'storage buckets' "gs://$(bucket_of "$output")" roles/storage.objectUser "serviceAccount:$BATCH_EMAIL"
  make_wheel "$wheels"
  command=("$BEAM_PYTHON" -m predictor.beam --input "$input" --output "$output" --uri "$MODEL_URI" --digest "$MODEL_DIGEST"
    --runner DataflowRunner --project "$PROJECT_ID" --region "$REGION" --job_name "$BATCH_ACCOUNT-$(date -u +%Y%m%d-%H%M%S)"
    --service_account_email "$BATCH_EMAIL" --no_use_public_ips --max_num_workers "$BATCH_MAX_WORKERS"
    --temp_location "gs://$(bucket_of "$output")/dataflow-temp" --requirements_file "$HERE/requirements-beam.txt"
    --extra_package "$wheels/penguin_predictor-$(sed -nE 's/^version = "(.*)"/\1/p' "$HERE/pyproject.toml")-py3-none-any.whl")
  [[ -z $BATCH_SUBNETWORK ]] || command+=(--subnetwork "$BATCH_SUBNETWORK")
  cd "$HERE"
  change "${command[@]}"
}

# Workers get this source as a wheel. They have no address of their own, so packages come through the bucket as well.
make_wheel() {
  [[ $DRY_RUN == true ]] || rm -rf "$HERE/build/lib" # What an earlier build left here would get into the wheel.
  change "$PYTHON" -m pip wheel --quiet --no-deps --wheel-dir "$1" "$HERE"
  [[ $DRY_RUN == true ]] || rm -rf "$HERE/build/lib"
}

bucket_of() {
  local rest=${1#gs://}
  printf '%s' "${rest%%/*}"
}

apply_batch_account() {
  apply_account "$BATCH_ACCOUNT" 'Runs the workers of penguin batches'
  grant projects "$PROJECT_ID" "$BATCH_ROLE" "serviceAccount:$BATCH_EMAIL"
}
BATCH_ROLE=roles/dataflow.worker
