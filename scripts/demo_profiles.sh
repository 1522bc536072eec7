# SPDX-License-Identifier: Apache-2.0
# Sizes of the demo's profiles; read by scripts/demo.sh.
case $profile in
  full)
    clip_steps=200 vlm1_steps=600 vlm2_steps=400
    rec_epochs=50
    sft_steps=1000 grpo_stages=judge:0.4,select:0.3
    eval_users=0
    ;;
  smoke)
    clip_steps=100 vlm1_steps=150 vlm2_steps=80
    rec_epochs=15
    sft_steps=80 grpo_stages=judge:0.05,select:0.05
    eval_users=40
    ;;
esac
