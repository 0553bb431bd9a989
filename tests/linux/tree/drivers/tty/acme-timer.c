// SPDX-License-Identifier: MIT
static int __init acme_tcu_init(struct device_node *np)
{
	of_node_clear_flag(np, OF_POPULATED);
	return 0;
}
TIMER_OF_DECLARE(acme_tcu, "acme,tcu", acme_tcu_init);

static int __init acme_ost_init(struct device_node *np)
{
	of_node_set_flag(np, OF_POPULATED);
	return 0;
}
TIMER_OF_DECLARE(acme_ost, "acme,ost", acme_ost_init);

static int __init acme_timer_init(struct device_node *np)
{
	return 0;
}
TIMER_OF_DECLARE(acme_timer, "acme,timer", acme_timer_init);
