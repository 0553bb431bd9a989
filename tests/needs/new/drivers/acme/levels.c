// SPDX-License-Identifier: MIT
// An invented driver for each way to ask for what a node refers to. What is needed is in the compatible: its name says what
// the test expects.
#include <linux/clk.h>

static int always_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct acme *acme;
	int irq, ret;

	acme->clk = devm_clk_get(dev, "core");
	if (IS_ERR(acme->clk)) {
		if (PTR_ERR(acme->clk) != -EPROBE_DEFER)
			dev_err(dev, "no clock\n");
		return PTR_ERR(acme->clk);
	}

	irq = platform_get_irq(pdev, 0);
	ret = devm_request_irq(dev, irq, acme_irq, 0, "acme", acme);
	if (ret)
		return ret;

	acme->reset = devm_reset_control_get_exclusive(dev, NULL);
	if (IS_ERR(acme->reset))
		ret = PTR_ERR(acme->reset);
	else
		ret = 0;
	if (ret)
		goto out;

	acme->grf = syscon_regmap_lookup_by_phandle(dev->of_node, "acme,grf");
	if (IS_ERR(acme->grf))
		return dev_err_probe(dev, PTR_ERR(acme->grf), "no grf\n");
	acme->phy = devm_phy_get(dev, "link");
	return PTR_ERR_OR_ZERO(acme->phy);
out:
	return ret;
}

static int tolerant_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct acme *acme;
	struct clk *clk;
	int irq;

	clk = devm_clk_get(dev, "core");
	if (IS_ERR(clk)) {
		if (PTR_ERR(clk) == -EPROBE_DEFER)
			return -EPROBE_DEFER;
		clk = NULL;
	}
	acme->reset = devm_reset_control_get_optional_exclusive(dev, NULL);
	if (IS_ERR(acme->reset))
		return PTR_ERR(acme->reset);
	acme->phy = devm_phy_get(dev, "link");
	if (IS_ERR(acme->phy) && PTR_ERR(acme->phy) != -ENODEV)
		return PTR_ERR(acme->phy);

	irq = platform_get_irq(pdev, 0);
	if (irq < 0)
		goto poll;
	acme->irq = irq;
	return acme_register(acme);
poll:
	acme->poll = true;
	return acme_register(acme);
}

static int sometimes_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct acme *acme;
	int i;

	if (of_property_read_bool(dev->of_node, "acme,fast")) {
		acme->clk = devm_clk_get(dev, "fast");
		if (IS_ERR(acme->clk))
			return PTR_ERR(acme->clk);
	}
	for (i = 0; i < acme->nports; i++) {
		acme->irq[i] = platform_get_irq(pdev, i);
		if (acme->irq[i] < 0)
			return acme->irq[i];
	}
	return 0;
}

static int guarded_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct acme *acme;

	if (of_property_present(dev->of_node, "clocks")) {
		acme->clk = devm_clk_get(dev, NULL);
		if (IS_ERR(acme->clk))
			return PTR_ERR(acme->clk);
	}
	if (!of_property_present(dev->of_node, "acme,misc"))
		return 0;
	acme->misc = of_parse_phandle(dev->of_node, "acme,misc", 0);
	if (!acme->misc)
		return -EINVAL;
	return 0;
}

static int others_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct device_node *child, *port = of_get_child_by_name(dev->of_node, "port");
	struct device *top = pdev->dev.parent;
	struct clk *clk;

	clk = of_clk_get(port, 0);
	if (IS_ERR(clk))
		return PTR_ERR(clk);
	clk = devm_clk_get(top, "bus");
	if (IS_ERR(clk))
		return PTR_ERR(clk);
	for_each_child_of_node(dev->of_node, child) {
		if (of_irq_get(child, 0) < 0)
			return -EINVAL;
	}
	return 0;
}

static int fallback_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct acme *acme;

	acme->clk = devm_clk_get(dev, "core");
	if (IS_ERR(acme->clk)) {
		acme->clk = devm_clk_get(dev, NULL);
		if (IS_ERR(acme->clk))
			return PTR_ERR(acme->clk);
	}
	return 0;
}

static int rate_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct acme *acme;

	acme->bus = devm_clk_get_optional(dev, "bus");
	acme->card = devm_clk_get_optional(dev, "card");
	clk_prepare_enable(acme->bus);
	acme->hz = clk_get_rate(acme->card);
	if (!acme->hz)
		return -EINVAL;
	return 0;
}

static int frequency_probe(struct platform_device *pdev)
{
	struct clk *clk;
	u32 hz = 0;

	of_property_read_u32(pdev->dev.of_node, "clock-frequency", &hz);
	if (!hz) {
		clk = devm_clk_get(&pdev->dev, "per");
		if (IS_ERR(clk))
			return PTR_ERR(clk);
		hz = clk_get_rate(clk);
	}
	return 0;
}

static const char * const names[] = { "one", "two" };

static int tables_probe(struct platform_device *pdev)
{
	struct acme *acme;
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		acme->resets[i] = devm_reset_control_get_exclusive(&pdev->dev, names[i]);
		if (IS_ERR(acme->resets[i]))
			return PTR_ERR(acme->resets[i]);
	}
	acme->clks[0].id = "a";
	acme->clks[1].id = "b";
	ret = devm_clk_bulk_get(&pdev->dev, 2, acme->clks);
	if (ret)
		return ret;
	return clk_bulk_prepare_enable(2, acme->clks);
}

static int all_probe(struct platform_device *pdev)
{
	struct acme *acme;

	acme->n = devm_clk_bulk_get_all(&pdev->dev, &acme->clks);
	if (acme->n < 0)
		return acme->n;
	return 0;
}

static int some_probe(struct platform_device *pdev)
{
	struct acme *acme;

	acme->n = devm_clk_bulk_get_all(&pdev->dev, &acme->clks);
	if (acme->n < 1)
		return acme->n < 0 ? acme->n : -ENOENT;
	return 0;
}

static int domains_probe(struct platform_device *pdev)
{
	struct device *pd = dev_pm_domain_attach_by_name(&pdev->dev, "core");

	if (IS_ERR_OR_NULL(pd))
		return pd ? PTR_ERR(pd) : -ENODATA;
	pd = dev_pm_domain_attach_by_name(&pdev->dev, "spare");
	if (IS_ERR(pd))
		return PTR_ERR(pd);
	return 0;
}

static int supplies_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct regulator *vdd, *vref, *vbus;

	vdd = devm_regulator_get(dev, "vdd");
	if (IS_ERR(vdd))
		return PTR_ERR(vdd);
	vref = devm_regulator_get_optional(dev, "vref");
	if (IS_ERR(vref))
		return PTR_ERR(vref);
	vbus = devm_regulator_get_optional(dev, "vbus");
	if (IS_ERR(vbus)) {
		if (PTR_ERR(vbus) != -ENODEV)
			return PTR_ERR(vbus);
		vbus = NULL;
	}
	return 0;
}

static const struct of_device_id levels_match[] = {
	{ .compatible = "acme,always" },
	{ }
};

static struct platform_driver always_driver = {
	.probe = always_probe,
	.driver = { .name = "always", .of_match_table = levels_match },
};

static const struct of_device_id tolerant_match[] = { { .compatible = "acme,tolerant" }, { } };
static struct platform_driver tolerant_driver = { .probe = tolerant_probe, .driver = { .of_match_table = tolerant_match } };
static const struct of_device_id sometimes_match[] = { { .compatible = "acme,sometimes" }, { .compatible = "acme,sometimes-bound" }, { } };
static struct platform_driver sometimes_driver = { .probe = sometimes_probe, .driver = { .of_match_table = sometimes_match } };
static const struct of_device_id guarded_match[] = { { .compatible = "acme,guarded" }, { } };
static struct platform_driver guarded_driver = { .probe = guarded_probe, .driver = { .of_match_table = guarded_match } };
static const struct of_device_id others_match[] = { { .compatible = "acme,others" }, { } };
static struct platform_driver others_driver = { .probe = others_probe, .driver = { .of_match_table = others_match } };
static const struct of_device_id fallback_match[] = { { .compatible = "acme,fallback" }, { } };
static struct platform_driver fallback_driver = { .probe = fallback_probe, .driver = { .of_match_table = fallback_match } };
static const struct of_device_id rate_match[] = { { .compatible = "acme,rate" }, { } };
static struct platform_driver rate_driver = { .probe = rate_probe, .driver = { .of_match_table = rate_match } };
static const struct of_device_id frequency_match[] = { { .compatible = "acme,frequency" }, { } };
static struct platform_driver frequency_driver = { .probe = frequency_probe, .driver = { .of_match_table = frequency_match } };
static const struct of_device_id tables_match[] = { { .compatible = "acme,tables" }, { } };
static struct platform_driver tables_driver = { .probe = tables_probe, .driver = { .of_match_table = tables_match } };
static const struct of_device_id all_match[] = { { .compatible = "acme,all" }, { } };
static struct platform_driver all_driver = { .probe = all_probe, .driver = { .of_match_table = all_match } };
static const struct of_device_id some_match[] = { { .compatible = "acme,some" }, { } };
static struct platform_driver some_driver = { .probe = some_probe, .driver = { .of_match_table = some_match } };
static const struct of_device_id domains_match[] = { { .compatible = "acme,domains" }, { } };
static struct platform_driver domains_driver = { .probe = domains_probe, .driver = { .of_match_table = domains_match } };
static const struct of_device_id supplies_match[] = { { .compatible = "acme,supplies" }, { } };
static struct platform_driver supplies_driver = { .probe = supplies_probe, .driver = { .of_match_table = supplies_match } };
