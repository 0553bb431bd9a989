// SPDX-License-Identifier: MIT
// A macro about the match data; which error a function returns; the interrupt that a bus's core looks for; a cell of an MFD;
// a bus that no device tree's node is on; a component.
#define acme_has(acme, flag) ((acme)->data->flags & (flag))

struct acme_flags {
	int flags;
};

static const struct acme_flags acme_rich_flags = { .flags = ACME_PHY | ACME_RESET };
static const struct acme_flags acme_poor_flags = { .flags = ACME_RESET };

static int acme_flags_probe(struct platform_device *pdev)
{
	struct acme *acme = acme_alloc(pdev);

	if (acme_has(acme, ACME_PHY)) {
		acme->phy = devm_phy_get(&pdev->dev, "link");
		if (IS_ERR(acme->phy))
			return PTR_ERR(acme->phy);
	}
	return 0;
}

static const struct of_device_id acme_flags_match[] = {
	{ .compatible = "acme,rich", .data = &acme_rich_flags },
	{ .compatible = "acme,poor", .data = &acme_poor_flags },
	{ }
};
static struct platform_driver acme_flags_driver = { .probe = acme_flags_probe, .driver = { .of_match_table = acme_flags_match } };

static int acme_get_phy(struct acme *acme)
{
	struct device_node *node = of_parse_phandle(acme->dev->of_node, "phys", 0);

	if (!node)
		return -ENXIO;
	return 0;
}

static int acme_get_clock(struct acme *acme)
{
	acme->clk = devm_clk_get(acme->dev, NULL);
	if (IS_ERR(acme->clk))
		return -ENODEV;
	return 0;
}

static int acme_errors_probe(struct platform_device *pdev)
{
	struct acme *acme = acme_alloc(pdev);
	int ret;

	ret = acme_get_phy(acme);
	if (ret == -ENODEV)
		return 0;
	if (ret)
		return ret;
	ret = acme_get_clock(acme);
	if (ret == -ENODEV)
		return 0;
	return ret;
}

static const struct of_device_id acme_errors_match[] = { { .compatible = "acme,errors" }, { } };
static struct platform_driver acme_errors_driver = { .probe = acme_errors_probe, .driver = { .of_match_table = acme_errors_match } };

static int acme_i2c_probe(struct i2c_client *client)
{
	int ret = devm_request_threaded_irq(&client->dev, client->irq, NULL, acme_irq, 0, "acme", client);

	if (ret)
		return ret;
	return 0;
}

static int acme_polled_probe(struct i2c_client *client)
{
	int ret;

	if (client->irq) {
		ret = devm_request_threaded_irq(&client->dev, client->irq, NULL, acme_irq, 0, "acme", client);
		if (ret)
			return ret;
	}
	return 0;
}

static const struct of_device_id acme_i2c_match[] = { { .compatible = "acme,i2c" }, { } };
static struct i2c_driver acme_i2c_driver = { .probe = acme_i2c_probe, .driver = { .of_match_table = acme_i2c_match } };
static const struct of_device_id acme_polled_match[] = { { .compatible = "acme,polled" }, { } };
static struct i2c_driver acme_polled_driver = { .probe = acme_polled_probe, .driver = { .of_match_table = acme_polled_match } };

static const struct mfd_cell acme_cells[] = {
	{ .name = "acme-part", .of_compatible = "acme,part" },
};

static int acme_part_probe(struct platform_device *pdev)
{
	return platform_get_irq(pdev, 0);
}

static const struct of_device_id acme_part_match[] = { { .compatible = "acme,part" }, { .compatible = "acme,whole" }, { } };
static struct platform_driver acme_part_driver = { .probe = acme_part_probe, .driver = { .of_match_table = acme_part_match } };

static const struct of_device_id acme_panel_match[] = { { .compatible = "acme,panel" }, { } };
static struct mipi_dsi_driver acme_panel_driver = { .probe = acme_part_probe, .driver = { .of_match_table = acme_panel_match } };

static int acme_bind(struct device *dev, struct device *master, void *data)
{
	struct clk *clk = devm_clk_get(dev, "pixel");

	return PTR_ERR_OR_ZERO(clk);
}

static const struct component_ops acme_component = { .bind = acme_bind };

static int acme_component_probe(struct platform_device *pdev)
{
	return component_add(&pdev->dev, &acme_component);
}

static const struct of_device_id acme_component_match[] = { { .compatible = "acme,component" }, { } };
static struct platform_driver acme_component_driver = {
	.probe = acme_component_probe, .driver = { .of_match_table = acme_component_match },
};
