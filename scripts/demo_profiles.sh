# SPDX-License-Identifier: Apache-2.0
# Sizes of the demo's profiles; read by scripts/demo.sh. core has the world of full, fewer steps and only the rows that the regression asserts.
world_size=full
clip_steps=200 vlm1_steps=500 vlm2_steps=300
rec_epochs=50
sft_steps=1000 arm_steps=250 grpo_stages=judge:0.25,select:0.25
eval_users=0
captions="full no-kfr no-cmp no-rra"
rows="pop markov id gru4rec nextitnet title ours nextitnet-ours no-kfr no-cmp no-rra feedback-like feedback-dislike feedback-random"
agents="full judge no-comment no-ip no-cot"
case $profile in
  core)
    sft_steps=900 grpo_stages=judge:0.2,select:0.2
    rows="pop markov id title ours feedback-like feedback-dislike"
    captions="full no-kfr"
    agents="full"
    ;;
  smoke)
    world_size=smoke
    clip_steps=100 vlm1_steps=150 vlm2_steps=80
    rec_epochs=15
    sft_steps=80 arm_steps=20 grpo_stages=judge:0.05,select:0.05
    eval_users=40
    ;;
esac
