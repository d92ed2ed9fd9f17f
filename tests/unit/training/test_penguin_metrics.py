from predictor.training.penguin_metrics import Evaluation, MeanAndSd, Score


def test_metrics_are_the_evaluation_by_name() -> None:
    evaluation = Evaluation(
        accuracy=MeanAndSd(0.99, 0.001),
        log_loss=MeanAndSd(0.02, 0.002),
        other_island=Score(birds=30, correct=20, log_loss=0.5),
        later_year=Score(birds=117, correct=116, log_loss=0.03),
        later_year_unsexed=Score(birds=2, correct=1, log_loss=0.1),
        left_out_island={"Biscoe": Score(10, 9, 0.2), "Dream": Score(20, 18, 0.1)},
        reliability=(),
        calibration_error=0.004,
    )
    assert evaluation.metrics() == {
        "cv_accuracy": 0.99,
        "cv_accuracy_sd": 0.001,
        "cv_log_loss": 0.02,
        "cv_log_loss_sd": 0.002,
        "cv_calibration_error": 0.004,
        "other_island_accuracy": 0.6667,
        "other_island_log_loss": 0.5,
        "test_2009_birds": 117.0,
        "test_2009_correct": 116.0,
        "test_2009_log_loss": 0.03,
        "test_2009_unsexed_birds": 2.0,
        "test_2009_unsexed_correct": 1.0,
        "left_out_island_birds": 30.0,
        "left_out_island_correct": 27.0,
    }
