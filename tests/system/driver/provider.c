// SPDX-License-Identifier: MIT
/*
 * What no board of QEMU has and what Linux has no driver for that needs no hardware: two power domains, which are off
 * at the start, and an interconnect of two nodes, which takes whatever is set.
 */
#include <linux/interconnect-provider.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/platform_device.h>
#include <linux/pm_domain.h>

enum { DOMAINS = 2, NODES = 2, FIRST_NODE = 100 };

struct provider {
    struct generic_pm_domain domain[DOMAINS];
    struct generic_pm_domain *domains[DOMAINS];
    struct genpd_onecell_data cells;
    struct icc_provider icc;
};

static int set_bandwidth(struct icc_node *from, struct icc_node *to)
{
    return 0;
}

static int add_interconnect(struct device *dev, struct provider *p)
{
    static const char *const names[NODES] = {"test-master", "test-memory"};
    struct icc_onecell_data *nodes = devm_kzalloc(dev, struct_size(nodes, nodes, NODES), GFP_KERNEL);
    int i;

    if (!nodes)
        return -ENOMEM;
    nodes->num_nodes = NODES;
    p->icc.dev = dev;
    p->icc.set = set_bandwidth;
    p->icc.aggregate = icc_std_aggregate;
    p->icc.xlate = of_icc_xlate_onecell;
    p->icc.data = nodes;
    icc_provider_init(&p->icc);
    for (i = 0; i < NODES; i++) {
        struct icc_node *n = icc_node_create(FIRST_NODE + i);

        if (IS_ERR(n))
            return PTR_ERR(n);
        n->name = names[i];
        icc_node_add(n, &p->icc);
        nodes->nodes[i] = n;
    }
    icc_link_create(nodes->nodes[0], FIRST_NODE + 1);
    return icc_provider_register(&p->icc);
}

static int provider_probe(struct platform_device *pdev)
{
    static const char *const names[DOMAINS] = {"test-domain-0", "test-domain-1"};
    struct provider *p = devm_kzalloc(&pdev->dev, sizeof(*p), GFP_KERNEL);
    int i, ret;

    if (!p)
        return -ENOMEM;
    ret = add_interconnect(&pdev->dev, p);
    if (ret)
        return ret;
    for (i = 0; i < DOMAINS; i++) {
        p->domain[i].name = names[i];
        p->domains[i] = &p->domain[i];
        ret = pm_genpd_init(&p->domain[i], NULL, true);
        if (ret)
            return ret;
    }
    p->cells.domains = p->domains;
    p->cells.num_domains = DOMAINS;
    return of_genpd_add_provider_onecell(pdev->dev.of_node, &p->cells);
}

static const struct of_device_id provider_match[] = {{.compatible = "machc,test-provider"}, {}};
static struct platform_driver provider = {
    .probe = provider_probe,
    .driver =
        {
            .name = "machc-test-provider",
            .of_match_table = provider_match,
            .suppress_bind_attrs = true,
            .sync_state = icc_sync_state,
        },
};
builtin_platform_driver(provider);
MODULE_DESCRIPTION("power domains and an interconnect for machc's system tests");
MODULE_LICENSE("Dual MIT/GPL");
