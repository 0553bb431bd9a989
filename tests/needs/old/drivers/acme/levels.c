// SPDX-License-Identifier: MIT
// The older kernel: what it asks for, or does without, differs in one driver; another driver is there alone.
static int always_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct acme *acme;
	int irq;

	acme->clk = devm_clk_get(dev, "core");
	if (IS_ERR(acme->clk))
		return PTR_ERR(acme->clk);
	irq = platform_get_irq(pdev, 0);
	if (irq < 0)
		return irq;
	acme->reset = devm_reset_control_get_optional(dev, NULL);
	acme->old = devm_clk_get(dev, "old");
	if (IS_ERR(acme->old))
		return PTR_ERR(acme->old);
	return 0;
}

static const struct of_device_id levels_match[] = { { .compatible = "acme,always" }, { } };
static struct platform_driver always_driver = { .probe = always_probe, .driver = { .of_match_table = levels_match } };

static int gone_probe(struct platform_device *pdev)
{
	return platform_get_irq(pdev, 0);
}

static const struct of_device_id gone_match[] = { { .compatible = "acme,gone" }, { } };
static struct platform_driver gone_driver = { .probe = gone_probe, .driver = { .of_match_table = gone_match } };
