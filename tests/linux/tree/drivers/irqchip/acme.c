// SPDX-License-Identifier: MIT
static int __init acme_irq_init(struct device_node *node, struct device_node *parent)
{
	return 0;
}
IRQCHIP_DECLARE(acme_irq, "acme,irq", acme_irq_init);

static int __init acme_gpc_init(struct device_node *node, struct device_node *parent)
{
	of_node_clear_flag(node, OF_POPULATED);
	return 0;
}
IRQCHIP_DECLARE(acme_gpc, "acme,gpc", acme_gpc_init);
IRQCHIP_DECLARE(acme_tcu, "acme,tcu", acme_irq_init);

IRQCHIP_PLATFORM_DRIVER_BEGIN(acme_late)
IRQCHIP_MATCH("acme,irq-late", acme_irq_init)
IRQCHIP_PLATFORM_DRIVER_END(acme_late)
